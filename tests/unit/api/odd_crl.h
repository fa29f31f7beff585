/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Revocation lists that openssl's command does not make. What cannot be made fails the test. */
#ifndef TESTS_UNIT_API_ODD_CRL_H
#define TESTS_UNIT_API_ODD_CRL_H

/* Reads the list in the PEM file, adds an entry with a critical extension, signs it again with the
 * key in key_file, writes it back. */
void odd_crl_add_critical_entry(const char *file, const char *key_file);

#endif
