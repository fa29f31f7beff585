// SPDX-FileCopyrightText: The provisiond authors
// SPDX-License-Identifier: Apache-2.0

// tlog-judge says whether claims about a journal hold, with golang.org/x/mod/sumdb/tlog and Go's own
// ECDSA; it shares no code with what it judges.
//
// Standard input is one JSON object per line. Hashes are 64 hex digits or standard base64.
//
//	{"op":"record","index":I,"size":N,"root":H,"proof":[H...],"leaf":H or "entry":TEXT}
//	{"op":"tree","old_size":M,"old_root":H,"size":N,"root":H,"proof":[H...]}
//	{"op":"tile","name":"0/x001/067.p/5","level":0,"index":1067,"width":5}
//	{"op":"tiles","dir":D,"size":N,"root":H,"leaves":{"I":H...}}   D/<name of a tile> is its hashes
//	{"op":"note","note":TEXT,"key":PEM}
//	{"op":"receipt","checkpoint":TEXT,"key":PEM,"index":I,"tree_size":N,"proof":[H...],"leaf":TEXT}
//	{"op":"export","export":FILE,"note":TEXT}   FILE's log has its checkpoint's root and extends the
//	                                            note's; both are signed by the key in FILE
//
// Prints how many held and exits 0 when all did; else names each that did not and exits 1.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	lineMax    = 64 << 20
)

type claim struct {
	Op         string            `json:"op"`
	Index      int64             `json:"index"`
	Size       int64             `json:"size"`
	TreeSize   int64             `json:"tree_size"`
	OldSize    int64             `json:"old_size"`
	Root       string            `json:"root"`
	OldRoot    string            `json:"old_root"`
	Leaf       string            `json:"leaf"`
	Entry      string            `json:"entry"`
	Proof      []string          `json:"proof"`
	Name       string            `json:"name"`
	Level      int               `json:"level"`
	Width      int               `json:"width"`
	Dir        string            `json:"dir"`
	Leaves     map[string]string `json:"leaves"`
	Note       string            `json:"note"`
	Checkpoint string            `json:"checkpoint"`
	Key        string            `json:"key"`
	Export     string            `json:"export"`
}

func parseHash(text string) (tlog.Hash, error) {
	var hash tlog.Hash
	if len(text) != 2*tlog.HashSize {
		return tlog.ParseHash(text)
	}
	data, err := hex.DecodeString(text)
	copy(hash[:], data)
	return hash, err
}

func parseHashes(texts []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, text := range texts {
		hash, err := parseHash(text)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

// ---- proofs ----

func judgeRecord(c *claim) error {
	root, err := parseHash(c.Root)
	if err != nil {
		return err
	}
	proof, err := parseHashes(c.Proof)
	if err != nil {
		return err
	}
	leaf := tlog.RecordHash([]byte(c.Entry))
	if c.Leaf != "" {
		if leaf, err = parseHash(c.Leaf); err != nil {
			return err
		}
	}
	return tlog.CheckRecord(proof, c.Size, root, c.Index, leaf)
}

func judgeTree(c *claim) error {
	hashes, err := parseHashes(append([]string{c.Root, c.OldRoot}, c.Proof...))
	if err != nil {
		return err
	}
	return tlog.CheckTree(hashes[2:], c.Size, hashes[0], c.OldSize, hashes[1])
}

// ---- tiles ----

// Go names the height of a tile as well, which is always 8 here.
func goPath(name string) string {
	return fmt.Sprintf("tile/%d/%s", tileHeight, name)
}

func judgeTile(c *claim) error {
	level, name := c.Level, c.Name
	if rest := strings.TrimPrefix(name, "entries/"); rest != name {
		level, name = -1, "data/"+rest
	}
	tile, err := tlog.ParseTilePath(goPath(name))
	if err != nil {
		return err
	}
	if expected := (tlog.Tile{H: tileHeight, L: level, N: c.Index, W: c.Width}); tile != expected {
		return fmt.Errorf("the tile is %v, not %v", tile, expected)
	}
	return nil
}

type tileFiles string

func (dir tileFiles) Height() int { return tileHeight }

func (dir tileFiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		name := strings.TrimPrefix(tile.Path(), goPath(""))
		data, err := os.ReadFile(filepath.Join(string(dir), name))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (dir tileFiles) SaveTiles([]tlog.Tile, [][]byte) {}

// The reader checks each tile against the root before it gives out a hash of it.
func judgeTiles(c *claim) error {
	root, err := parseHash(c.Root)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: root}, tileFiles(c.Dir))
	if hash, err := tlog.TreeHash(c.Size, reader); err != nil || hash != root {
		return fmt.Errorf("the tiles do not have the root: %v", err)
	}
	for text, leaf := range c.Leaves {
		index, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(c.Size, index, reader)
		if err != nil {
			return err
		}
		hash, err := parseHash(leaf)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, c.Size, root, index, hash); err != nil {
			return fmt.Errorf("leaf %d: %v", index, err)
		}
	}
	return nil
}

// ---- claims ----

var judges = map[string]func(*claim) error{
	"record":  judgeRecord,
	"tree":    judgeTree,
	"tile":    judgeTile,
	"tiles":   judgeTiles,
	"note":    judgeNote,
	"receipt": judgeReceipt,
	"export":  judgeExport,
}

func judgeLine(line []byte) error {
	c := new(claim)
	if err := json.Unmarshal(line, c); err != nil {
		return err
	}
	judge := judges[c.Op]
	if judge == nil {
		return fmt.Errorf("unknown op %q", c.Op)
	}
	return judge(c)
}

func main() {
	held, failed := 0, 0
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, lineMax)
	for lines.Scan() {
		if err := judgeLine(lines.Bytes()); err != nil {
			failed++
			fmt.Fprintf(os.Stderr, "tlog-judge: line %d: %v\n", held+failed, err)
			continue
		}
		held++
	}
	if err := lines.Err(); err != nil {
		failed++
		fmt.Fprintln(os.Stderr, "tlog-judge:", err)
	}
	fmt.Println(held)
	if failed > 0 || held == 0 {
		os.Exit(1)
	}
}
