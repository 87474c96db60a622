package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"sync/atomic"
)

type node struct {
	left, right *node
}

func tree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{tree(depth - 1), tree(depth - 1)}
}

func (n *node) count() int {
	if n == nil {
		return 0
	}
	return 1 + n.left.count() + n.right.count()
}

// A loop without calls: only a signal (SIGURG) stops it for the collector, anywhere in the middle of its floating point.
func compute(rounds int) float64 {
	x := 1.0
	for i := 0; i < rounds; i++ {
		x = math.Sqrt(x*1.0001 + float64(i&7))
	}
	return x
}

// Collections without end, while others allocate and compute and a profiler interrupts them (SIGPROF).
func collect() {
	runtime.GOMAXPROCS(4)
	debug.SetGCPercent(10)
	check(pprof.StartCPUProfile(io.Discard))
	expected := compute(2000000)
	var all sync.WaitGroup
	bad, done := int32(0), int32(0)
	for i := 0; i < 4; i++ {
		all.Add(2)
		go func() {
			defer all.Done()
			for j := 0; j < 10; j++ {
				if tree(12).count() != 1<<13-1 {
					atomic.AddInt32(&bad, 1)
				}
			}
		}()
		go func() {
			defer all.Done()
			for j := 0; j < 5; j++ {
				if compute(2000000) != expected {
					atomic.AddInt32(&bad, 1)
				}
			}
		}()
	}
	go func() {
		for atomic.LoadInt32(&done) == 0 {
			runtime.GC()
		}
	}()
	all.Wait()
	atomic.StoreInt32(&done, 1)
	pprof.StopCPUProfile()
	fmt.Println("collect", bad)
}
