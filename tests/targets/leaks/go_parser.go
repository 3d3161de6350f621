// Parses messages and keeps an index of some of them.
//
//	leak   readMessage         the index keeps the subject, 24 bytes, as a slice of the message
//	                           it was read from, and with it the whole array
//	decoy  (*Words).Count      every word of a limited vocabulary, once it was met
//	decoy  (*Replies).Queue    answers that are sent off in batches: a saw-tooth
package main

import "fmt"

func readMessage(number int, size int) []byte {
	message := make([]byte, size)
	copy(message, fmt.Sprintf("Subject: %016d\r\nFrom: somebody\r\n\r\n", number))
	return message
}

type Index struct {
	subjects [][]byte
}

// Subjects that somebody asked to be told of.
func (x *Index) Keep(message []byte) {
	x.subjects = append(x.subjects, message[9:33])
}

type Words struct {
	counts map[string]int
	notes  map[string][]int
}

func (w *Words) Count(word uint64, tick int) {
	name := fmt.Sprintf("a-word-with-the-number-%d", word)
	w.counts[name]++
	if w.notes[name] == nil {
		w.notes[name] = make([]int, 60)
	}
	w.notes[name][tick%60] = tick
}

type Replies struct {
	waiting []string
	sent    int
}

func (q *Replies) Queue(number int) {
	q.waiting = append(q.waiting,
		fmt.Sprintf("Thank you for your message %d. It was received, and will be answered.", number))
	if len(q.waiting) > 4000 {
		q.sent += len(q.waiting)
		q.waiting = nil
	}
}

func main() {
	pace := startPace(100)
	r := random(*seed)
	index := &Index{}
	words := &Words{map[string]int{}, map[string][]int{}}
	replies := &Replies{}
	number := 0
	for pace.next() {
		for i := 0; i < 10; i++ {
			number++
			message := readMessage(number, int(8000+r.below(16000)))
			if r.below(20) == 0 {
				index.Keep(message)
			}
			replies.Queue(number)
			replies.Queue(number)
			for j := 0; j < 2; j++ {
				words.Count(r.below(1500), pace.tick)
			}
		}
	}
	bytes := 0
	for _, subject := range index.subjects {
		bytes += len(subject)
	}
	fmt.Println("subjects:", bytes, "words:", len(words.counts), "sent:", replies.sent)
}
