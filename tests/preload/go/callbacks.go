package main

/*
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

extern int goAdd(int, int);

static int call(int a, int b) {
	return goAdd(a, b);
}

static void *sums(void *unused) {
	long sum = 0;
	for (int i = 0; i < 100; i++) sum = goAdd(sum, i);
	(void)unused;
	return (void *)sum;
}

// Threads that Go did not make and that call into it.
static long c_threads(int count) {
	pthread_t threads[count];
	void *sum;
	long all = 0;
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, sums, NULL) != 0) return -1;
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], &sum);
		all += (long)sum;
	}
	return all;
}

static void nap(void) {
	usleep(1000);
}
*/
import "C"

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

//export goAdd
func goAdd(a, b C.int) C.int {
	if a%16 != 3 {
		return a + b
	}
	result := make(chan C.int)
	go func() { result <- a + b }()
	return <-result
}

// Work is what a program calls that has loaded this one as a library.
//
//export Work
func Work(count C.int) C.int {
	results := make(chan int)
	for i := 0; i < int(count); i++ {
		go func(i int) {
			time.Sleep(time.Millisecond)
			results <- i
		}(i)
	}
	sum := 0
	for i := 0; i < int(count); i++ {
		sum += <-results
	}
	return C.int(sum)
}

// C calls Go and Go calls C, with collections in between.
func callbacks() {
	var all sync.WaitGroup
	sums := make([]C.int, 32)
	for i := range sums {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for j := 0; j < 100; j++ {
				sums[i] = C.call(sums[i], C.int(j))
				if j%20 == 0 {
					C.nap()
					runtime.GC()
				}
			}
		}(i)
	}
	all.Wait()
	total := C.int(0)
	for _, sum := range sums {
		total += sum
	}
	fmt.Println("callbacks", total, C.c_threads(32))
}
