// What the Go runtime asks of threads, a subject for each word on the command line. It makes its system calls itself, past
// libc. The output is the same on every run.
package main

import (
	"fmt"
	"os"
)

var subjects = map[string]func(){
	"callbacks": callbacks,
	"channels":  channels,
	"children":  children,
	"collect":   collect,
	"panics":    panics,
	"signals":   signals,
	"threads":   threads,
	"web":       web,
}

func check(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func main() {
	for _, subject := range os.Args[1:] {
		subjects[subject]()
	}
}
