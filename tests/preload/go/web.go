package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A server and 200 clients of it, each with a connection of its own, all in this process.
func web() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Millisecond)
		fmt.Fprintf(w, "hello %s", r.URL.Path)
	}))
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 200}}
	var all sync.WaitGroup
	good := int32(0)
	for c := 0; c < 200; c++ {
		all.Add(1)
		go func(c int) {
			defer all.Done()
			for i := 0; i < 10; i++ {
				path := fmt.Sprintf("/%d/%d", c, i)
				response, err := client.Get("http://" + listener.Addr().String() + path)
				check(err)
				body, err := io.ReadAll(response.Body)
				check(err)
				check(response.Body.Close())
				if string(body) == "hello "+path {
					atomic.AddInt32(&good, 1)
				}
			}
		}(c)
	}
	all.Wait()
	fmt.Println("web", good)
}
