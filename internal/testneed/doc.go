// Package testneed says what a test needs of the machine that it runs on. A test whose need is not
// met is skipped, with the reason; where the need was asked for, it fails instead, so that a test
// cannot silently stop running.
//
// What is asked for stands in the environment: PERCH_TEST_REQUIRE is a list such as
// "node,postgres,redis,chromium,shared", and CI=true asks for "shared".
//
// PERCH_TEST_POSTGRES and PERCH_TEST_REDIS say where these servers are, if not on this machine.
package testneed
