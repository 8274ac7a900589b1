// Measures Go's own net/rpc and gob for a comparison in one run. Prints one JSON line a figure.
//
//	peer-bench -addr 127.0.0.1:PORT -calls 20000     calls of DriverName, one after the other and 64 at once
//	peer-bench -codec -bytes 50000000                encoding and decoding of options, and of a configuration of 1 MB
package main

import (
	"bufio"
	"bytes"
	"encoding/gob"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"sync"
	"time"

	"gopeer/proto"
)

type none = struct{}

func say(name string, value float64, unit string) {
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"name": name, "value": value, "unit": unit})
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func calls(addr string, n int) {
	c, err := net.Dial("tcp", addr)
	check(err)
	fmt.Fprintf(c, "CONNECT %s HTTP/1.0\n\n", rpc.DefaultRPCPath)
	_, err = http.ReadResponse(bufio.NewReader(c), &http.Request{Method: "CONNECT"})
	check(err)
	client := rpc.NewClient(c)
	run := func(name string, workers int) {
		each := func(count int) {
			for i := 0; i < count; i++ {
				var s string
				check(client.Call(proto.ServiceV1+".DriverName", none{}, &s))
			}
		}
		each(200)
		start := time.Now()
		var wg sync.WaitGroup
		for w := 0; w < workers; w++ {
			wg.Add(1)
			go func() { defer wg.Done(); each(n / workers) }()
		}
		wg.Wait()
		say(name, float64(n)/time.Since(start).Seconds(), "calls/s")
	}
	run("sequential", 1)
	run("concurrent", 64)
}

func options() proto.Options {
	return &proto.RPCFlags{Values: map[string]interface{}{
		"peer-token": "t0ken", "peer-cpus": 4, "peer-private": true, "peer-tag": []string{"one", "two", "three"},
		"driver": "peer", "engine-install-url": "https://get.docker.com", "engine-storage-driver": "", "swarm": false,
		"swarm-host": "tcp://0.0.0.0:3376", "swarm-image": "swarm:latest", "swarm-strategy": "spread", "tls-san": []string{},
	}}
}

func codec(name string, total int, value interface{}, fresh func() interface{}) {
	var stream bytes.Buffer
	enc := gob.NewEncoder(&stream)
	check(enc.Encode(value))
	n := 0
	start := time.Now()
	for stream.Len() < total {
		check(enc.Encode(value))
		n++
	}
	say(name+" encode", float64(stream.Len())/1e6/time.Since(start).Seconds(), "MB/s")
	size := stream.Len()
	dec := gob.NewDecoder(&stream)
	start = time.Now()
	for i := 0; i <= n; i++ {
		check(dec.Decode(fresh()))
	}
	say(name+" decode", float64(size)/1e6/time.Since(start).Seconds(), "MB/s")
}

func main() {
	addr := flag.String("addr", "", "plugin to call")
	n := flag.Int("calls", 20000, "calls to make")
	isCodec := flag.Bool("codec", false, "measure the codec")
	total := flag.Int("bytes", 50_000_000, "bytes to encode and decode")
	flag.Parse()
	proto.Register("")
	if *isCodec {
		o := options()
		codec("options", *total/5, &o, func() interface{} { return new(proto.Options) })
		config := bytes.Repeat([]byte("{\"key\": \"value\"}\n"), 62_500)
		codec("configuration", *total*4, config, func() interface{} { return new([]byte) })
		return
	}
	calls(*addr, *n)
}
