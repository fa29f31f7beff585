/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Value structs of hsm_client.h to and from their messages. Internal to hsm/. Readers are strict:
 * a length outside its limit fails the whole message. Threads: pure functions.
 */
#ifndef HSM_HSM_MESSAGE_H
#define HSM_HSM_MESSAGE_H

#include <stdbool.h>

#include "hsm/hsm_client.h"
#include "hsm.pb-c.h"

/* The message of a status, and what it points into. */
struct hsm_status_message {
    Provisiond__HsmStatusReply message;
    Provisiond__HsmWeakKey weak_keys[HSM_WEAK_KEYS_MAX];
    Provisiond__HsmWeakKey *weak_key_list[HSM_WEAK_KEYS_MAX];
    ProtobufCBinaryData successors[HSM_CHECKPOINT_KEYS_MAX - 1];
};

/* Both borrow: status must outlive *out. */
void hsm_status_to_message(const struct hsm_status *status, struct hsm_status_message *out);
void hsm_weak_key_to_message(const struct hsm_weak_key *weak, Provisiond__HsmWeakKey *out);

bool hsm_status_from_message(const Provisiond__HsmStatusReply *message,
                             struct hsm_status *ret_status) MUST_USE;
bool hsm_weak_key_from_message(const Provisiond__HsmWeakKey *message,
                               struct hsm_weak_key *ret_weak) MUST_USE;
bool hsm_spki_from_message(ProtobufCBinaryData message, struct hsm_spki *ret_spki) MUST_USE;
/* False unless the message holds exactly a wrapped key of 16 or 32 bytes. */
bool hsm_wrapped_key_from_message(ProtobufCBinaryData message,
                                  struct hsm_wrapped_key *ret_key) MUST_USE;

/* Both borrow what they point to. */
void hsm_wrap_to_message(const struct hsm_wrap *wrap, Provisiond__HsmWrapRequest *out);
void hsm_wrapped_to_message(const struct hsm_wrapped *wrapped, Provisiond__HsmWrapReply *out);
bool hsm_wrapped_from_message(const Provisiond__HsmWrapReply *message,
                              struct hsm_wrapped *ret_wrapped) MUST_USE;

/* Bytes of a point of that curve; 0 for an unknown one. */
size_t hsm_point_bytes(enum hsm_curve curve);
/* Whether it looks like one: it may still be off the curve. */
bool hsm_is_point(enum hsm_curve curve, const uint8_t *point, size_t length) MUST_USE;
/* Whether an answer has the sizes and the parts that the question's must have. */
bool hsm_wrapped_answers(const struct hsm_wrapped *wrapped, const struct hsm_wrap *wrap) MUST_USE;

ProtobufCBinaryData hsm_binary(const void *data, size_t length);

#endif
