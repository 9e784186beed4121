package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// usage is processor time in microseconds.
type usage struct{ process, main float64 }

// clock_t counts a hundred of these a second on every Linux that matters here.
const tickUs = 10_000

func usageOf(pid int) usage {
	if pid == 0 {
		return usage{}
	}
	return usage{
		process: microseconds(fmt.Sprintf("/proc/%d/stat", pid)),
		main:    microseconds(fmt.Sprintf("/proc/%d/task/%d/stat", pid, pid)),
	}
}

// The name in brackets may hold blanks; utime and stime are the 14th and 15th field.
func microseconds(path string) float64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) * tickUs
}

func ownMicroseconds() float64 {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	us := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e6 + float64(t.Usec) }
	return us(used.Utime) + us(used.Stime)
}
