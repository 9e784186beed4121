module sluice.test/load

go 1.24
