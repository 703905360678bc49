// The plain client and server: what was said comes back.
package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
)

func runClient(o options) error {
	conn, err := o.dial(o.connect)
	var refused refusal
	if o.expect == "refused" && errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	if o.expect != "accepted" {
		return fmt.Errorf("this was to be %s", o.expect)
	}
	said := make([]byte, o.size)
	if _, err = rand.Read(said); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(said)
		sent <- err
	}()
	heard := make([]byte, o.size)
	if _, err = io.ReadFull(conn, heard); err != nil {
		return fmt.Errorf("the echo: %w", err)
	}
	if err = <-sent; err != nil {
		return err
	}
	if !bytes.Equal(said, heard) {
		return errors.New("other bytes came back")
	}
	fmt.Printf("echoed   %d bytes\n", o.size)
	return nil
}

func runServer(o options) error {
	listener, err := o.listen()
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		var refused refusal
		if errors.As(err, &refused) {
			continue
		}
		if err != nil {
			return err
		}
		go echo(conn)
	}
}

func echo(conn net.Conn) {
	defer conn.Close()
	if size, err := io.Copy(conn, conn); err != nil {
		fmt.Printf("broke off after %d bytes: %v\n", size, err)
	}
}
