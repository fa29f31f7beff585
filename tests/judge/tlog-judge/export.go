// SPDX-FileCopyrightText: The provisiond authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/tlog"
)

type header struct {
	Checkpoint string `json:"checkpoint"`
	Key        string `json:"key"`
	Documents  int    `json:"documents"`
	Leaves     int64  `json:"leaves"`
}

type storedHashes []tlog.Hash

func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		if index < 0 || index >= int64(len(s)) {
			return nil, errors.New("a hash that the log does not have")
		}
		hashes = append(hashes, s[index])
	}
	return hashes, nil
}

func storeLeaves(lines [][]byte) (storedHashes, error) {
	var stored storedHashes
	for i, line := range lines {
		hashes, err := tlog.StoredHashes(int64(i), line, stored)
		if err != nil {
			return nil, err
		}
		stored = append(stored, hashes...)
	}
	return stored, nil
}

func readExport(path string) (*header, [][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	lines := bytes.Split(data, []byte("\n"))
	head := new(header)
	if len(lines) < 3 || string(lines[0]) != "provisiond-journal/1" {
		return nil, nil, errors.New("no export")
	}
	if err := json.Unmarshal(lines[1], head); err != nil {
		return nil, nil, err
	}
	if int64(len(lines)) != 3+int64(head.Documents)+head.Leaves || len(lines[len(lines)-1]) != 0 {
		return nil, nil, errors.New("the export has not as many lines as it says")
	}
	return head, lines[2+head.Documents : len(lines)-1], nil
}

func judgeExport(c *claim) error {
	head, leaves, err := readExport(c.Export)
	if err != nil {
		return err
	}
	tree, err := openNote(head.Checkpoint, head.Key)
	if err != nil {
		return err
	}
	old, err := openNote(c.Note, head.Key)
	if err != nil {
		return err
	}
	stored, err := storeLeaves(leaves)
	if err != nil {
		return err
	}
	if root, err := tlog.TreeHash(tree.N, stored); err != nil || root != tree.Hash {
		return fmt.Errorf("the leaves do not have the checkpoint's root: %v", err)
	}
	proof, err := tlog.ProveTree(tree.N, old.N, stored)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}
