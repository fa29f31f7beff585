/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One entry of a list of devices, in either form (allow_list.h). Private to device/. Threads: pure
 * functions.
 */
#ifndef DEVICE_LIST_ENTRY_H
#define DEVICE_LIST_ENTRY_H

#include "device/allow_list.h"

/* "SERIAL BASE64", without its newline. */
enum error list_entry_plain(const struct allow_list_question *question, struct bytes line,
                            struct listed_device *ret_device, struct fault *fault) MUST_USE;

/* A JWS object; its signature is checked before its payload is looked at. */
enum error list_entry_jws(const struct allow_list_question *question, struct bytes text,
                          struct listed_device *ret_device, struct sha256 *ret_signer,
                          struct fault *fault) MUST_USE;

#endif
