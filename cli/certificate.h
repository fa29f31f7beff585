/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is visibly wrong with a TLS client certificate, for a warning to a person. Whether the
 * server's CA signed it cannot be seen here. Threads: pure functions.
 */
#ifndef CLI_CERTIFICATE_H
#define CLI_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>

#define CERTIFICATE_COMPLAINTS_MAX 4

/*
 * Fills ret_complaints with sentences (literals) that say why no station can connect with the
 * first certificate of a PEM text. Returns how many; 0 also for a text that is no certificate,
 * which the vault refuses.
 */
size_t certificate_complain(const char *pem,
                            const char *ret_complaints[CERTIFICATE_COMPLAINTS_MAX]);

/* Says each complaint on standard error; path is escaped. */
void certificate_warn(const char *path, const char *pem);

/*
 * True when path is a plain file whose first certificate has a key usage without digitalSignature:
 * no TLS server takes it. Whatever cannot be read is for TLS to complain about.
 */
bool certificate_file_cannot_sign(const char *path);

#endif
