// Package store is another package of the program, with types of its own.
package store

type Rec struct {
	ID   int
	Next *Rec
}

type Pair[K comparable, V any] struct {
	Key   K
	Value V
}

// Generic code is compiled once for all types of one shape, and told them at run time in a
// dictionary. Until Go 1.20 it had only the shapes: *T for pointers, structs without names.

//go:noinline
func Fill[K comparable, V any](keys []K, value V) map[K]V {
	m := make(map[K]V, len(keys)) //= map | map[string]*store.Rec or map[string]*T or map[int]float64 | create
	for _, k := range keys {
		m[k] = value //= map | map[string]*store.Rec or map[string]*T or map[int]float64 | insert
	}
	return m
}

//go:noinline
func Collect[T any](from func(int) T, n int) []T {
	var all []T
	for i := 0; i < n; i++ {
		all = append(all, from(i)) //= slice | []*store.Rec or []*T or []store.Pair[string,int] or []struct { Key string; Value int } or []string | grow
	}
	return all
}

//go:noinline
func New[T any]() *T {
	return new(T) //= object | store.Rec or struct { ID int; Next *store.Rec } or store.Pair[string,int] or struct { Key string; Value int } | create
}

//go:noinline
func Make[T any](n int) []T {
	return make([]T, n) //= slice | []store.Rec or []struct { ID int; Next *store.Rec } or []int32 | create
}

//go:noinline
func Chan[T any](n int) chan T {
	return make(chan T, n) //= queue | chan *store.Rec or chan *T or chan int8 | create
}

type Cache[V any] struct {
	items map[string]V
}

func NewCache[V any]() *Cache[V] {
	// Here no Go asks for more than the shape.
	return &Cache[V]{items: map[string]V{}} //= map or object | map[string]int or map[string]*T or store.Cache[int] or store.Cache[*T] | create
}

//go:noinline
func (c *Cache[V]) Put(key string, value V) {
	c.items[key] = value //= map | map[string]*store.Rec or map[string]*T or map[string]int | insert
}
