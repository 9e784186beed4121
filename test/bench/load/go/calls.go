package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
)

// call is one request as it goes over the wire; its id and the port of its remote address are written at each sending.
type call struct {
	bytes  []byte
	idAt   int
	portAt int
	// Whether its port is that of the pass before: it ends what began near the end of that pass.
	previous bool
	// Of the body within bytes, and the op that the target names.
	bodyAt int
	op     string
}

const noPort = 0xffff

// callRow gives the calls of the file one after the other, over and over; each pass has another remote port.
type callRow struct {
	calls []call
	run   uint32
	first uint32
	next  uint64
}

// readCalls reads what ../call-file.ts writes: for each call its length (u32), where its id and its port stand (u16
// each), whether it belongs to the pass before (u8), then its bytes; all little-endian.
func readCalls(work Work) (*callRow, error) {
	file, err := os.ReadFile(work.Pool)
	if err != nil {
		return nil, err
	}
	row := &callRow{run: work.Run & 0xffffff, first: work.FirstPass}
	for len(file) >= 9 {
		length := int(binary.LittleEndian.Uint32(file))
		one := call{
			idAt:     int(binary.LittleEndian.Uint16(file[4:])),
			portAt:   int(binary.LittleEndian.Uint16(file[6:])),
			previous: file[8] == 1,
			bytes:    file[9 : 9+length : 9+length],
		}
		one.bodyAt = bytes.Index(one.bytes, []byte("\r\n\r\n")) + 4
		target := one.bytes[bytes.Index(one.bytes, []byte("op="))+3:]
		one.op = string(target[:bytes.IndexByte(target, '&')])
		row.calls = append(row.calls, one)
		file = file[9+length:]
	}
	if len(row.calls) == 0 {
		return nil, errors.New("there are no calls in " + work.Pool)
	}
	return row, nil
}

// take gives the next call with an id that was never given before; its bytes are good until the next pass.
func (r *callRow) take() *call {
	at := r.next % uint64(len(r.calls))
	pass := uint32(r.next/uint64(len(r.calls))) + r.first
	one := &r.calls[at]
	writeHex(one.bytes[one.idAt:], uint64(r.run)<<40|r.next)
	if one.portAt != noPort {
		if one.previous {
			pass--
		}
		writePort(one.bytes[one.portAt:], 10_000+pass%50_000)
	}
	r.next++
	return one
}

func writeHex(into []byte, value uint64) {
	const digits = "0123456789abcdef"
	for n := range 16 {
		into[n] = digits[value>>(60-4*n)&15]
	}
}

func writePort(into []byte, port uint32) {
	for n := 4; n >= 0; n-- {
		into[n] = byte('0' + port%10)
		port /= 10
	}
}
