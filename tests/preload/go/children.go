package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Go makes its children by a vfork of its own (rawVforkSyscall).
func children() {
	var all sync.WaitGroup
	good := int32(0)
	for i := 0; i < 10; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for j := 0; j < 5; j++ {
				text := strings.Repeat(fmt.Sprint(i, j), 5000)
				cat := exec.Command("cat")
				var out bytes.Buffer
				cat.Stdin, cat.Stdout = strings.NewReader(text), &out
				if cat.Run() == nil && out.String() == text {
					atomic.AddInt32(&good, 1)
				}
			}
		}(i)
	}
	all.Wait()
	fmt.Println("children", good, exec.Command("sh", "-c", "exit 3").Run(), exec.Command("/nonexistent").Run())
	limited, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	fmt.Println(exec.CommandContext(limited, "sleep", "100").Run())
	talk := exec.Command("sh", "-c", "read line; echo got $line")
	in, err := talk.StdinPipe()
	check(err)
	out, err := talk.StdoutPipe()
	check(err)
	check(talk.Start())
	_, err = io.WriteString(in, "it\n")
	check(err)
	said, err := io.ReadAll(out)
	check(err)
	fmt.Printf("%q %v\n", said, talk.Wait())
}
