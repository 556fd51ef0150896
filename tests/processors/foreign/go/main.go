// A processor as people write them in Go, with the habits that one meets, odd ones too. The same as ../habits.py.
package main

import (
	"encoding/json"
	"log"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

type object = map[string]any

func main() {
	bus, err := nats.Connect("nats://"+os.Getenv("GECHOLOG_HOST"), nats.Token(os.Getenv("NATS_TOKEN")), nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	for habit, answer := range habits {
		_, err := bus.QueueSubscribe("coburn.gl."+habit, "anything", func(message *nats.Msg) {
			data := []byte(answer(message.Data))
			message.Respond(data)
			message.Respond(data) // a second one, for good measure
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	select {}
}

var habits = map[string]func([]byte) string{
	"plain": func(data []byte) string {
		payload := read(data)["ingress_payload"].(object)
		return write(object{"plain": object{"model": payload["model"]}})
	},
	"empty":   always(""),
	"braces":  always("{}"),
	"array":   always(`[{"array": 1}]`),
	"text":    always(`"text"`),
	"null":    always("null"),
	"garbage": always(`{"garbage": `),
	"nulls":   always(write(object{"nulls": nil, "other": nil})),
	"echo":    func(data []byte) string { return string(data) },
	"echo_more": func(data []byte) string {
		message := read(data)
		message["echo_more"] = true
		return write(message)
	},
	"spaced":  always("\n{ \"spaced\" :\n\t[ 1 ,\r\n 2 ] }\n"),
	"escaped": always(write(object{"escaped": "é <b>"})),
	"twice":   always(`{"twice": 1, "twice": 2}`),
	"control": control,
	"change": func(data []byte) string {
		message := read(data)
		message["outbound_payload"].(object)["changed"] = true
		return write(message)
	},
	"sign": func(data []byte) string {
		message := read(data)
		headers := message["egress_headers"].(object)
		headers["X-Signed"] = []string{"someone"}
		return write(object{"egress_payload": object{"signed": message["egress_payload"]}, "egress_headers": headers})
	},
	"judge": func(data []byte) string {
		return write(object{"judge": read(data)["inbound_status_code"] == float64(200)})
	},
}

func control(data []byte) string {
	subpath := read(data)["ingress_subpath"].(string)
	if strings.HasPrefix(subpath, "blocked") {
		return write(object{"control": "blocked by someone"})
	}
	if strings.HasPrefix(subpath, "nothing") {
		return write(object{"control": nil})
	}
	return ""
}

func always(answer string) func([]byte) string {
	return func([]byte) string { return answer }
}

func read(data []byte) object {
	var message object
	if err := json.Unmarshal(data, &message); err != nil {
		log.Print(err)
	}
	return message
}

func write(answer object) string {
	data, err := json.Marshal(answer)
	if err != nil {
		log.Print(err)
	}
	return string(data)
}
