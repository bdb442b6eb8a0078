package main

import (
	"fmt"
	"io/fs"
	"os"
)

// output is the generated file, relative to the folder of package catalog.
const output = "zz_gen_data.go"

func main() {
	if err := run(os.DirFS("data"), output); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run generates the file at path from the YAML files in data.
func run(data fs.FS, path string) error {
	d, err := read(data)
	if err != nil {
		return err
	}
	code, err := render(d)
	if err != nil {
		return err
	}
	return os.WriteFile(path, code, 0o644)
}
