// Checks what Byleave writes with code that Byleave did not write: golang.org/x/mod/sumdb.
//
// Reads one JSON document of questions from standard input and writes one of answers: for each
// question "" where the check passed, else what Go says.
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type record struct {
	Index int64
	Entry []byte
}

type proof struct {
	Size  int64
	Root  []byte
	Index int64
	Data  []byte
	Path  [][]byte
}

type tree struct {
	Old     int64
	OldRoot []byte
	New     int64
	NewRoot []byte
	Path    [][]byte
}

type questions struct {
	Key       string
	Witnesses []string
	Note      []byte
	Folder    string
	Records   []record
	Proofs    []proof
	Trees     []tree
}

type answers struct {
	Note    string
	Signers []string
	Tree    string
	Records []string
	Proofs  []string
	Trees   []string
}

func hash(data []byte) (h tlog.Hash) {
	copy(h[:], data)
	return h
}

func path(hashes [][]byte) []tlog.Hash {
	found := make([]tlog.Hash, len(hashes))
	for at, one := range hashes {
		found[at] = hash(one)
	}
	return found
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// cosigner is C2SP tlog-cosignature, type 0x04, which x/mod does not know.
type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.id }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	seconds := binary.BigEndian.Uint64(sig)
	signed := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", seconds)), msg...)
	return ed25519.Verify(c.key, signed, sig[8:])
}

func witness(text string) (note.Verifier, error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("not a key: %q", text)
	}
	id, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 33 || key[0] != 4 {
		return nil, fmt.Errorf("not a cosigner's key: %q", text)
	}
	return cosigner{parts[0], uint32(id), ed25519.PublicKey(key[1:])}, nil
}

// files serves tiles from a folder in the layout of C2SP tlog-tiles.
type files struct{ folder string }

func (f files) Height() int { return 8 }
func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for at, tile := range tiles {
		name := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		read, err := os.ReadFile(filepath.Join(f.folder, name))
		if err != nil {
			return nil, err
		}
		data[at] = read
	}
	return data, nil
}
func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

// checkpoint reads the three lines of C2SP tlog-checkpoint.
func checkpoint(text string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("not three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func log(q questions, a *answers) error {
	key, err := note.NewVerifier(q.Key)
	if err != nil {
		return err
	}
	known := []note.Verifier{key}
	for _, text := range q.Witnesses {
		one, err := witness(text)
		if err != nil {
			return err
		}
		known = append(known, one)
	}
	opened, err := note.Open(q.Note, note.VerifierList(known...))
	if err != nil {
		return err
	}
	for _, signature := range opened.Sigs {
		a.Signers = append(a.Signers, signature.Name)
	}
	head, err := checkpoint(opened.Text)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(head, files{q.Folder})
	root, err := tlog.TreeHash(head.N, reader)
	if err == nil && !bytes.Equal(root[:], head.Hash[:]) {
		err = fmt.Errorf("the tiles give another root")
	}
	a.Tree = said(err)
	for _, one := range q.Records {
		leaf := tlog.RecordHash(one.Entry)
		found, err := tlog.ProveRecord(head.N, one.Index, reader)
		if err == nil {
			err = tlog.CheckRecord(found, head.N, head.Hash, one.Index, leaf)
		}
		a.Records = append(a.Records, said(err))
	}
	return nil
}

func main() {
	var q questions
	var a answers
	if err := json.NewDecoder(os.Stdin).Decode(&q); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if q.Key != "" {
		a.Note = said(log(q, &a))
	}
	for _, p := range q.Proofs {
		err := tlog.CheckRecord(path(p.Path), p.Size, hash(p.Root), p.Index, tlog.RecordHash(p.Data))
		a.Proofs = append(a.Proofs, said(err))
	}
	for _, t := range q.Trees {
		err := tlog.CheckTree(path(t.Path), t.New, hash(t.NewRoot), t.Old, hash(t.OldRoot))
		a.Trees = append(a.Trees, said(err))
	}
	json.NewEncoder(os.Stdout).Encode(a)
}
