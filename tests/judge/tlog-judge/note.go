// SPDX-FileCopyrightText: The provisiond authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

func parseKey(text string) (*ecdsa.PublicKey, []byte, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, nil, errors.New("the key is no PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, nil, err
	}
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return nil, nil, errors.New("the key is no EC key")
	}
	id := sha256.Sum256(block.Bytes)
	return public, id[:4], nil
}

func parseBody(body string) (tlog.Tree, error) {
	lines := strings.Split(body, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tlog.Tree{}, errors.New("the note's text has not three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// The tree of a note that the key has signed.
func openNote(note, pemKey string) (tlog.Tree, error) {
	key, id, err := parseKey(pemKey)
	if err != nil {
		return tlog.Tree{}, err
	}
	end := strings.LastIndex(note, "\n\n") + 1
	body := note[:end]
	digest := sha256.Sum256([]byte(body))
	signed := false
	for _, line := range strings.Split(strings.TrimSuffix(note[end:], "\n"), "\n")[1:] {
		fields := strings.Split(line, " ")
		if len(fields) != 3 || fields[0] != "\u2014" {
			return tlog.Tree{}, fmt.Errorf("no signature line: %q", line)
		}
		blob, err := base64.StdEncoding.Strict().DecodeString(fields[2])
		if err != nil {
			return tlog.Tree{}, err
		}
		if fields[1] != body[:strings.Index(body, "\n")] || !bytes.HasPrefix(blob, id) {
			continue
		}
		if !ecdsa.VerifyASN1(key, digest[:], blob[len(id):]) {
			return tlog.Tree{}, errors.New("the note's signature is wrong")
		}
		signed = true
	}
	if !signed {
		return tlog.Tree{}, errors.New("the note has no signature of the key")
	}
	return parseBody(body)
}

func judgeNote(c *claim) error {
	_, err := openNote(c.Note, c.Key)
	return err
}

func judgeReceipt(c *claim) error {
	tree, err := openNote(c.Checkpoint, c.Key)
	if err != nil {
		return err
	}
	if tree.N != c.TreeSize {
		return fmt.Errorf("the checkpoint has %d leaves, the receipt says %d", tree.N, c.TreeSize)
	}
	proof, err := parseHashes(c.Proof)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, c.Index, tlog.RecordHash([]byte(c.Leaf)))
}
