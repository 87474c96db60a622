package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Two goroutines that hand a number to and fro, and timers.
func channels() {
	ask, answer := make(chan int), make(chan int)
	go func() {
		for number := range ask {
			answer <- number + 1
		}
		close(answer)
	}()
	sum := 0
	for i := 0; i < 20000; i++ {
		ask <- i
		sum += <-answer
	}
	close(ask)
	fired := make(chan bool)
	for i := 0; i < 500; i++ {
		time.AfterFunc(time.Duration(i%20)*time.Millisecond, func() { fired <- true })
	}
	for i := 0; i < 500; i++ {
		<-fired
	}
	select {
	case <-time.After(20 * time.Millisecond):
	case <-answer: // closed
		<-time.After(time.Millisecond)
	}
	fmt.Println("channels", sum)
}

// Goroutines that have a thread for themselves; those that end with it locked end the thread, too.
func threads() {
	var all sync.WaitGroup
	var mutex sync.Mutex
	count := 0
	for i := 0; i < 200; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			runtime.LockOSThread()
			for j := 0; j < 20; j++ {
				mutex.Lock()
				count++
				mutex.Unlock()
				runtime.Gosched()
			}
			time.Sleep(time.Millisecond)
			if i%2 == 0 {
				runtime.UnlockOSThread()
			}
		}(i)
	}
	all.Wait()
	fmt.Println("threads", count)
}
