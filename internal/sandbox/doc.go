// Package sandbox makes simulated connections for sandbox applications. The employer behind them is
// in provider/sandbox.
package sandbox
