// A Kafka that misbehaves on order: franz-go's kfake, with an HTTP port over which a test says what goes wrong next.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
)

var mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}

func main() {
	control := flag.String("control", "", "host:port of the control server")
	ports := flag.String("ports", "", "ports of the brokers, with commas between")
	user := flag.String("user", "", "where given, clients must authenticate with SASL as this user")
	password := flag.String("password", "", "the user's password")
	version := flag.String("kafka", "", "where given, requests are understood as this version of Kafka does (v2.2)")
	flag.Parse()

	wires := &wires{}
	options := []kfake.Opt{kfake.Ports(numbersIn(*ports)...), kfake.ListenFn(wires.listen), kfake.BrokerConfigs(map[string]string{
		// As the real broker of the tests: a reader need not wait.
		"group.initial.rebalance.delay.ms": "0",
	})}
	if *user != "" {
		options = append(options, kfake.EnableSASL())
		for _, mechanism := range mechanisms {
			options = append(options, kfake.Superuser(mechanism, *user, *password))
		}
	}
	if *version != "" {
		known := kversion.FromString(*version)
		if known == nil {
			log.Fatalf("-kafka: %s is no version that is known", *version)
		}
		options = append(options, kfake.MaxVersions(known))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()

	listener, err := net.Listen("tcp", *control)
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, orders(cluster, wires))) }()
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGINT, syscall.SIGTERM)
	<-stopped
}

func numbersIn(list string) []int {
	var numbers []int
	for _, text := range strings.Split(list, ",") {
		number, err := strconv.Atoi(text)
		if err != nil {
			log.Fatalf("-ports: %v", err)
		}
		numbers = append(numbers, number)
	}
	return numbers
}
