package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
)

// The process's signals, a thread's, and those that come while all processors compute.
func signals() {
	own := syscall.Getpid()
	came := make(chan os.Signal, 10)
	signal.Notify(came, syscall.SIGUSR1, syscall.SIGINT, syscall.SIGTERM)
	for i := 0; i < 100; i++ {
		check(syscall.Kill(own, syscall.SIGUSR1))
		if s := <-came; s != syscall.SIGUSR1 {
			fmt.Println("another signal came:", s)
		}
	}
	check(exec.Command("kill", "-TERM", fmt.Sprint(own)).Run())
	fmt.Println("signals", <-came)

	stop := make(chan bool)
	for i := 0; i < 4; i++ {
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
			}
		}()
	}
	check(syscall.Kill(own, syscall.SIGINT))
	fmt.Println(<-came)
	close(stop)

	tid, end := make(chan int), make(chan bool)
	go func() {
		runtime.LockOSThread()
		tid <- syscall.Gettid()
		<-end
	}()
	check(syscall.Tgkill(own, <-tid, syscall.SIGUSR1))
	fmt.Println(<-came)
	close(end)
	signal.Reset()
}

// A fault becomes a panic, which can be recovered from.
func panics() {
	var nowhere *int
	recovered := 0
	for i := 0; i < 100; i++ {
		func() {
			defer func() {
				if recover() != nil {
					recovered++
				}
			}()
			*nowhere = 1
		}()
	}
	fmt.Println("panics", recovered)
}
