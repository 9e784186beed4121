// frps-ends is an frps of frp's own packages which also sends CloseUserConn when a user's connection has ended. No
// release of frp sends it; forks do.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/fatedier/frp/pkg/config"
	"github.com/fatedier/frp/pkg/util/log"
	"github.com/fatedier/frp/server"
)

func main() {
	file := flag.String("c", "", "config file of frps")
	recordFile := flag.String("record", "", "where a line of JSON is added for every user connection that ended")
	extras := flag.Bool("extras", false, "add traffic_in and traffic_out, in bytes, to CloseUserConn")
	flag.Parse()
	if err := run(*file, *recordFile, *extras); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run returns only if frps can't start: SIGTERM ends the process at once, as it ends the stock frps.
func run(file, recordFile string, extras bool) error {
	cfg, _, err := config.LoadServerConfig(file, true)
	if err != nil {
		return err
	}
	log.InitLogger(cfg.Log.To, cfg.Log.Level, int(cfg.Log.MaxDays), cfg.Log.DisablePrintColor)
	record, err := openRecord(recordFile)
	if err != nil {
		return err
	}
	registerProxies(entrances{cfg}, newEnds(cfg.HTTPPlugins, record, extras))
	service, err := server.NewService(cfg)
	if err != nil {
		return err
	}
	log.Infof("frps started successfully")
	service.Run(context.Background())
	return nil
}
