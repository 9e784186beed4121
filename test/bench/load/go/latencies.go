package main

// latencies counts by microseconds up to 10 ms, by 10 µs up to a second, by milliseconds up to 100 s.
type latencies struct {
	fine, middle, coarse [100_000]uint32
	total                int
}

func (l *latencies) add(ns int64) {
	us := max(ns, 0) / 1000
	switch {
	case us < 10_000:
		l.fine[us]++
	case us < 1_000_000:
		l.middle[us/10]++
	default:
		l.coarse[min(us/1000, 99_999)]++
	}
	l.total++
}

// within is the time in milliseconds within which this share of the calls was answered: the end of its step.
func (l *latencies) within(share float64) float64 {
	left := int64(float64(l.total)*share + 0.999999)
	for _, row := range []struct {
		counts *[100_000]uint32
		stepMs float64
	}{{&l.fine, 0.001}, {&l.middle, 0.01}, {&l.coarse, 1}} {
		for at, count := range row.counts {
			left -= int64(count)
			if left <= 0 {
				return float64(at+1) * row.stepMs
			}
		}
	}
	return 100_000
}
