// SPDX-FileCopyrightText: The provisiond authors
// SPDX-License-Identifier: Apache-2.0
//
// open_jwe.js NODE-DIR KEY LICENSE IMAGE FIRMWARE: opens a jwe license with the package jose of npm, which
// tests/contract/redocly.py has installed in NODE-DIR. The image goes where RFC 7516 has the ciphertext.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');

async function main([node, key, license, image, firmware]) {
  const jose = createRequire(path.join(path.resolve(node), 'package.json'))('jose');
  const message = JSON.parse(fs.readFileSync(license, 'utf8'));
  message.ciphertext = jose.base64url.encode(fs.readFileSync(image));
  const opened = await jose.flattenedDecrypt(message, crypto.createPrivateKey(fs.readFileSync(key)), {
    contentEncryptionAlgorithms: ['A256GCM'],
    keyManagementAlgorithms: ['ECDH-ES+A256KW'],
  });
  fs.writeFileSync(firmware, opened.plaintext);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`it does not open: ${error.message}`);
  process.exit(1);
});
