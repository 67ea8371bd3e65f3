package statedb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
)

// bbolt reads its file through a memory map and trusts it: a page number that
// points nowhere, a key that is longer than its page or a branch that leads to
// itself ends in a fault or an endless recursion, and some of that in
// goroutines of bbolt where no caller can recover. So the file is read once as
// plain bytes and its tree is walked here before bbolt may map it. What passes
// cannot lead bbolt astray; whether the entries are right is for their seals.

// The bbolt file format, version 2. Numbers have the byte order of the machine.
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageHead    = 16 // id 8, flags 2, count 2, overflow 4
	elementHead = 16 // leaf: flags 4, pos 4, key 4, value 4; branch: pos 4, key 4, page 8
	metaBytes   = 64
	bucketHead  = 16 // root page 8, sequence 8

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
	flagBucket   = 0x01 // of a leaf element

	noFreelist   = ^uint64(0)
	countInFirst = 0xFFFF // the freelist's count is its first element
	maxPageSize  = 1 << 24
	maxDepth     = 64 // of pages, buckets included; a real file has less than 10
)

var order = binary.NativeEndian

// image is the file under inspection.
type image struct {
	data     []byte
	pageSize uint64
	high     uint64 // pages from here on are not in use
	used     []bool // pages met: free ones, then those of the tree

	version []byte // value of meta/version
	oneMeta bool   // only one of the two header pages is whole
}

type boltMeta struct{ pageSize, root, freelist, high, txid uint64 }

// inspect walks the bbolt file in data. An error means that bbolt must not see it.
func inspect(data []byte) (*image, error) {
	meta, whole, err := findMeta(data)
	if err != nil {
		return nil, err
	}
	im := &image{data: data, pageSize: meta.pageSize, high: meta.high, oneMeta: whole < 2}
	if meta.high > uint64(len(data))/meta.pageSize {
		return nil, fmt.Errorf("file ends after %d bytes but has %d pages of %d bytes", len(data), meta.high, meta.pageSize)
	}
	im.used = make([]bool, meta.high)
	if err := im.freelist(meta.freelist); err != nil {
		return nil, fmt.Errorf("freelist: %w", err)
	}
	return im, im.page(meta.root, nil, nil, nil, 0)
}

// findMeta gives the newest whole header page and how many are whole. The
// second one is one page into the file, and the page size is in the first.
func findMeta(data []byte) (newest boltMeta, whole int, err error) {
	first, ok := metaAt(data, 0)
	if ok {
		newest, whole = first, 1
	}
	for size := uint64(1024); size <= maxPageSize; size *= 2 {
		m, ok := metaAt(data, size)
		if !ok || m.pageSize != size {
			continue
		}
		whole++
		if whole == 1 || m.txid > newest.txid {
			newest = m
		}
		break
	}
	if whole == 0 {
		return newest, 0, errors.New("no header page is whole")
	}
	return newest, whole, nil
}

func metaAt(data []byte, at uint64) (boltMeta, bool) {
	if uint64(len(data)) < at+pageHead+metaBytes {
		return boltMeta{}, false
	}
	d := data[at+pageHead:][:metaBytes]
	h := fnv.New64a()
	h.Write(d[:56])
	m := boltMeta{
		pageSize: uint64(order.Uint32(d[8:])), root: order.Uint64(d[16:]), freelist: order.Uint64(d[32:]),
		high: order.Uint64(d[40:]), txid: order.Uint64(d[48:]),
	}
	ok := order.Uint32(d) == boltMagic && order.Uint32(d[4:]) == boltVersion && order.Uint64(d[56:]) == h.Sum64()
	return m, ok && m.pageSize >= 1024 && m.pageSize <= maxPageSize
}

// take gives the bytes of page id with its overflow and marks them as met.
func (im *image) take(id uint64) (data []byte, flags uint16, count int, err error) {
	if id < 2 || id >= im.high {
		return nil, 0, 0, fmt.Errorf("page %d: not in the file", id)
	}
	head := im.data[id*im.pageSize:]
	pages := uint64(order.Uint32(head[12:])) + 1
	if order.Uint64(head) != id || pages > im.high-id {
		return nil, 0, 0, fmt.Errorf("page %d: header is damaged", id)
	}
	for i := id; i < id+pages; i++ {
		if im.used[i] {
			return nil, 0, 0, fmt.Errorf("page %d: used twice", i)
		}
		im.used[i] = true
	}
	return head[:pages*im.pageSize], order.Uint16(head[8:]), int(order.Uint16(head[10:])), nil
}

// freelist marks the free pages, so that a page both free and used is found.
func (im *image) freelist(id uint64) error {
	if id == noFreelist {
		return nil
	}
	data, flags, n, err := im.take(id)
	if err != nil {
		return err
	}
	count, ids := uint64(n), data[pageHead:]
	if count == countInFirst {
		count, ids = order.Uint64(ids), ids[8:]
	}
	if flags != flagFreelist || count > uint64(len(ids))/8 {
		return fmt.Errorf("page %d: is no freelist", id)
	}
	for i := range count {
		free := order.Uint64(ids[8*i:])
		if free < 2 || free >= im.high || im.used[free] {
			return fmt.Errorf("page %d: cannot be free", free)
		}
		im.used[free] = true
	}
	return nil
}

// page walks the tree below page id, whose keys must lie in [low, high).
func (im *image) page(id uint64, bucket, low, high []byte, depth int) error {
	data, flags, count, err := im.take(id)
	if err != nil {
		return err
	}
	switch {
	case depth > maxDepth:
		err = errors.New("too deep")
	case flags == flagLeaf:
		err = im.leaf(data, count, bucket, low, high, depth)
	case flags == flagBranch && count > 0:
		err = im.branch(data, count, bucket, low, high, depth)
	default:
		err = errors.New("is neither branch nor leaf")
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

func (im *image) branch(data []byte, count int, bucket, low, high []byte, depth int) error {
	keys := make([][]byte, count+1)
	keys[count] = high
	for i := range count {
		at := pageHead + i*elementHead
		key, err := part(data, at, 0, 4)
		if err != nil {
			return err
		}
		if err := inOrder(low, key, high, i > 0); err != nil {
			return err
		}
		keys[i], low = key, key
	}
	for i := range count {
		id := order.Uint64(data[pageHead+i*elementHead+8:])
		if err := im.page(id, bucket, keys[i], keys[i+1], depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (im *image) leaf(data []byte, count int, bucket, low, high []byte, depth int) error {
	for i := range count {
		at := pageHead + i*elementHead
		pair, err := part(data, at, 4, 8, 12)
		if err != nil {
			return err
		}
		size := order.Uint32(data[at+8:])
		key, value := pair[:size], pair[size:]
		if err := inOrder(low, key, high, i > 0); err != nil {
			return err
		}
		low = key
		if order.Uint32(data[at:])&flagBucket != 0 {
			err = im.bucket(key, value, depth+1)
		} else if string(bucket) == tableMeta && string(key) == keyVersion {
			im.version = value
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket walks a bucket, which has pages of its own or one within its value.
func (im *image) bucket(name, value []byte, depth int) error {
	if len(value) < bucketHead {
		return errors.New("bucket is cut short")
	}
	if root := order.Uint64(value); root != 0 {
		return im.page(root, name, nil, nil, depth)
	}
	inline := value[bucketHead:]
	if len(inline) < pageHead || order.Uint16(inline[8:]) != flagLeaf || depth > maxDepth {
		return errors.New("small bucket is damaged")
	}
	return im.leaf(inline, int(order.Uint16(inline[10:])), name, nil, nil, depth)
}

// part gives what the element at says it holds: its position is the number at
// pos, counted from the element, its length the sum of the numbers at sizes.
func part(data []byte, at, pos int, sizes ...int) ([]byte, error) {
	if at+elementHead > len(data) {
		return nil, errors.New("more elements than fit")
	}
	start := uint64(at) + uint64(order.Uint32(data[at+pos:]))
	end := start
	for _, s := range sizes {
		end += uint64(order.Uint32(data[at+s:]))
	}
	if end > uint64(len(data)) {
		return nil, errors.New("element is longer than its page")
	}
	return data[start:end], nil
}

// inOrder reports a key that is not in [low, high), or not above low.
func inOrder(low, key, high []byte, above bool) error {
	c := bytes.Compare(low, key)
	if len(key) == 0 || c > 0 || (above && c == 0) || (high != nil && bytes.Compare(key, high) >= 0) {
		return errors.New("keys are out of order")
	}
	return nil
}
