package main

import (
	"fmt"
	"net"

	"github.com/perchhq/perch/internal/app"
)

// arrive says where files arrive by themselves.
type arrive struct {
	DropFolder string `help:"Watch a folder for each connection below this one for files." name:"drop-folder" env:"PERCH_DROP_FOLDER" type:"path" placeholder:"DIR"`
	SFTPAddr   string `help:"Take files in over SFTP on this address, as :2222." name:"sftp-addr" env:"PERCH_SFTP_ADDR" placeholder:"ADDR"`
}

// checkArrival refuses an address that cannot be one.
func (a arrive) checkArrival() error {
	if a.SFTPAddr == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(a.SFTPAddr); err != nil {
		return fmt.Errorf("--sftp-addr: %q is no address such as :2222", a.SFTPAddr)
	}
	return nil
}

func (a arrive) arriving(c *app.Config) { c.DropFolder, c.SFTPAddr = a.DropFolder, a.SFTPAddr }
