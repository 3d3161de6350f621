// Notes who did what.
//
//	leak   (*Audit).Record     a line per change, kept until it is written out, which happens
//	                           at the end of a day that never comes
//	decoy  (*Recent).Add       the last 5000 actions, a ring at its limit
//	decoy  (*Rights).Reload    who may do what, read anew every 1.5 s; the old one is dropped
//	decoy  (*Names).Full       full names: each is made when it is first asked for
package main

import "fmt"

type Audit struct {
	lines []string
}

func (a *Audit) Record(who string, what uint64, tick int) {
	a.lines = append(a.lines, who+" did action "+fmt.Sprint(what)+" at "+fmt.Sprint(tick)+
		", as the rules allow, and nobody objected to it")
}

type Action struct {
	Who  string
	What uint64
	Note [240]byte
}

type Recent struct {
	ring [5000]*Action
	next int
}

func (r *Recent) Add(who string, what uint64) {
	r.ring[r.next%len(r.ring)] = &Action{Who: who, What: what}
	r.next++
}

type Rights struct {
	allowed map[uint64][]uint16
}

func (r *Rights) Reload(version int) {
	fresh := make(map[uint64][]uint16)
	for i := uint64(0); i < 4000; i++ {
		fresh[i] = make([]uint16, 300+(int(i)+version)%200)
	}
	r.allowed = fresh
}

type Names struct {
	full map[uint64]string
}

func (n *Names) Full(user uint64) string {
	name, ok := n.full[user]
	if !ok {
		name = fmt.Sprintf("user %d of the department %d in the building %d", user, user%40, user%7)
		n.full[user] = name
	}
	return name
}

func main() {
	pace := startPace(100)
	r := random(*seed)
	audit := &Audit{}
	recent := &Recent{}
	rights := &Rights{}
	names := &Names{map[uint64]string{}}
	allowed := 0
	for pace.next() {
		if pace.tick%150 == 1 {
			rights.Reload(pace.tick)
		}
		for i := 0; i < 30; i++ {
			user := r.below(2500)
			who := names.Full(user)
			what := r.next()
			allowed += len(rights.allowed[user])
			if i%5 == 0 { // a change
				audit.Record(who, what, pace.tick)
			}
			recent.Add(who, what)
		}
	}
	fmt.Println("lines:", len(audit.lines), "actions:", recent.next, "names:", len(names.full),
		"allowed:", allowed)
}
