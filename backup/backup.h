/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a backup is: a tar file of numbered parts, each an encrypted message, which decrypted and
 * put behind each other are a tar file again.
 *
 *     part-00001.cms, part-00002.cms, ...    CMS AuthEnvelopedData, AES-256-GCM, DER
 *       ledger.db                            the ledger, its journal included
 *       images/<SHA-256>                     each encrypted image that the ledger names
 *       provisiond.conf                      the configuration; there is no secret in it
 *       manifest.json                        the last: size and SHA-256 of each of them, which
 * images are missing, and what the HSM signed of the backup
 *
 * A part holds at most BACKUP_PART_BYTES, because libcrypto has a message whole in memory to open
 * it; so nothing of a part is believed before its tag was checked. That no part is missing, twice
 * or of another backup is what the manifest says. openssl cms and tar open it without this program.
 * No private key, no PIN and nothing of the HSM is in it.
 *
 * Writing: seal_new, pack_new, pack_file and pack_bytes, pack_finish. Reading: unseal_new,
 * unpack_all, ledger_check. Threads: each belongs to one thread.
 */
#ifndef BACKUP_BACKUP_H
#define BACKUP_BACKUP_H

#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"

#define BACKUP_FORMAT     "provisiond-backup/1"
#define BACKUP_LEDGER     "ledger.db"
#define BACKUP_CONFIG     "provisiond.conf"
#define BACKUP_IMAGES     "images"
#define BACKUP_MANIFEST   "manifest.json"
#define BACKUP_PART_NAME  "part-%05u.cms"
#define BACKUP_PART_BYTES ((size_t)8 * 1024 * 1024)
#define BACKUP_PARTS_MAX  99999U /* 762 GiB */
#define BACKUP_NAME_MAX   80     /* of a file, with NUL */
#define BACKUP_FILES_MAX  ((size_t)50003)
#define BACKUP_PEM_MAX    ((size_t)64 * 1024)
#define BACKUP_CONFIG_MAX ((size_t)1024 * 1024)

/* What the faults of this room say. ERR_BAD_REQUEST: */
#define BACKUP_DAMAGED   "backup-damaged"
#define BACKUP_WRONG_KEY "backup-key" /* key or certificate are not what they should be */
#define BACKUP_UNSIGNED  "backup-unsigned"
/* ERR_CONFIG, with errno: */
#define BACKUP_FILE "backup-file" /* a file cannot be read or written */

#endif
