// What the Go programs of this folder share: their options, ticks paced by the clock, random
// numbers from a seed, and a heap profile every few moments, as a cron job would fetch it from
// /debug/pprof/heap?gc=1. pacing.h says more.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"
)

var (
	seconds  = flag.Float64("seconds", 9, "how long to run")
	seed     = flag.Uint64("seed", 1, "of the random numbers")
	rate     = flag.Int("rate", 16384, "runtime.MemProfileRate")
	profiles = flag.String("profiles", "", "folder for heap profiles (default: none are written)")
	interval = flag.Float64("interval", 1.2, "seconds between two profiles")
)

type pace struct {
	start       time.Time
	hz          float64
	tick, ticks int // tick is 1 in the first turn
	stop        chan bool
	stopped     chan bool
}

// Reads the command line and starts to count and to write profiles.
func startPace(hz float64) *pace {
	flag.Parse()
	runtime.MemProfileRate = *rate
	p := &pace{start: time.Now(), hz: hz, ticks: int(*seconds * hz),
		stop: make(chan bool), stopped: make(chan bool)}
	go p.writeProfiles()
	return p
}

// Sleeps until the next tick is due. False when the time is over.
func (p *pace) next() bool {
	if p.tick == p.ticks {
		p.stop <- true
		<-p.stopped
		return false
	}
	p.tick++
	due := time.Duration(float64(p.tick) / p.hz * float64(time.Second))
	time.Sleep(time.Until(p.start.Add(due)))
	return true
}

// The part of the run that is over, from 0 to 1.
func (p *pace) progress() float64 {
	return float64(p.tick) / float64(p.ticks)
}

func (p *pace) writeProfiles() {
	ticker := time.NewTicker(time.Duration(*interval * float64(time.Second)))
	for number := 1; ; number++ {
		select {
		case <-p.stop:
			p.stopped <- true
			return
		case <-ticker.C:
			if *profiles != "" {
				writeProfile(filepath.Join(*profiles, fmt.Sprintf("heap.%03d.pb.gz", number)))
			}
		}
	}
}

func writeProfile(path string) {
	runtime.GC()
	file, err := os.Create(path)
	if err == nil {
		err = pprof.WriteHeapProfile(file)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// splitmix64
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (r *random) below(limit uint64) uint64 {
	return r.next() % limit
}

// Below limit, small numbers far more often: popularity in a crowd.
func (r *random) popular(limit uint64) uint64 {
	u := float64(r.next()>>11) / 9007199254740992.0
	return uint64(u * u * float64(limit))
}
