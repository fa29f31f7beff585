/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The token as one worker sees it: a loaded module, one logged-in session, the keys found so far.
 * Internal to hsm/: the only header with PKCS#11 types.
 *
 * Order of calls: p11_open, any calls, p11_close. Threads: owned by the worker's one thread.
 *
 * Each function that fails has filled *fault. When p11->is_unfit is set then, only a new worker
 * helps; when p11->is_stale is set, p11_forget and one more try may help.
 */
#ifndef HSM_P11_H
#define HSM_P11_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p11-kit/pkcs11.h>

#include "core/bytes.h"
#include "core/error.h"
#include "core/secret.h"
#include "hsm/hsm_client.h"

#define P11_FIRMWARE_KEYS_MAX 64
#define P11_SESSION_KEYS_MAX  64
#define P11_KEYS_MAX          4096 /* of one class in the token */
#define P11_POINT_BYTES       65   /* uncompressed P-256 */
#define P11_FK_BYTES          32

/* A firmware key that was looked up and audited. */
struct p11_firmware_key {
    struct hsm_key_id id;
    CK_OBJECT_HANDLE handle;
};

/* A session key that was unwrapped; a session object that only WrapKey may read. */
struct p11_session_key {
    struct sha256 name; /* of firmware key id and wrapped bytes */
    CK_OBJECT_HANDLE handle;
    uint64_t used; /* the p11->clock of its last use, for eviction */
};

/* A generation of the checkpoint key. */
struct p11_checkpoint_key {
    CK_OBJECT_HANDLE handle;
    struct hsm_spki spki;
    struct sha256 digest; /* of spki */
};

/* The ways to wrap for an RSA key, the better one of two first. */
enum p11_rsa_way { P11_OAEP_SHA256, P11_OAEP_SHA1, P11_PKCS1, P11_RSA_WAYS };
enum p11_ability { P11_UNKNOWN, P11_CAN, P11_CANNOT };

struct p11 {
    void *context; /* PKCS11_CTX, which loaded the module and finalises it */
    void *slots;   /* PKCS11_SLOT array of context */
    unsigned slot_count;
    CK_FUNCTION_LIST *call;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;            /* read-write; CK_INVALID_HANDLE before it is open */
    void (*note_progress)(void *context); /* of p11_options; NULL after the start */
    void *progress_context;
    bool needs_login;
    bool is_unfit;
    bool is_stale;
    bool keeps_data;          /* it has data objects */
    CK_BBOOL is_data_private; /* and they need the login */
    bool keeps_local;         /* CKA_LOCAL means something on this token */
    /* A trial's own labels, so that it never touches what a service has made; NULL otherwise. */
    const char *anchor_label;
    const char *probe_label;
    char label[33];
    char serial[17];
    char model[17];
    enum hsm_mode mode; /* of P-256 with X9.63 and SHA-256 */
    /* Of the other agreements when that is token mode; 0: not found out yet. */
    enum hsm_mode kdf_modes[HSM_P384 + 1][HSM_CONCAT_SHA256 + 1];
    enum p11_ability rsa_abilities[P11_RSA_WAYS];

    struct p11_firmware_key firmware_keys[P11_FIRMWARE_KEYS_MAX];
    size_t firmware_key_count;
    struct p11_session_key session_keys[P11_SESSION_KEYS_MAX];
    size_t session_key_count;
    uint64_t clock;
    struct p11_checkpoint_key checkpoint_keys[HSM_CHECKPOINT_KEYS_MAX]; /* audited, by generation */
    size_t checkpoint_key_count; /* of them, looked up so far */

    struct hsm_weak_key weak_keys[HSM_WEAK_KEYS_MAX]; /* findings of the audit */
    size_t weak_key_count;
};

struct p11_options {
    const char *module;
    const char *token;
    const char *arguments; /* "" is none */
    const char *serial;    /* another token than this gets no PIN; "" is any */
    /* Called right before C_Login, and again after it succeeded. */
    void (*note_login)(void *context, bool is_done);
    /* Called now and then by what takes many calls; NULL: nobody wants to know. */
    void (*note_progress)(void *context);
    void *context;
};

/* ---- p11_module.c ---- */

/*
 * Loads the module, finds the token and logs in, with exactly one try of the PIN and none when the
 * token says that the next wrong one locks it. p11 is zeroed by the caller and closed by him with
 * p11_close even when this fails.
 */
enum error p11_open(struct p11 *p11, const struct p11_options *options, const struct secret *pin,
                    struct fault *fault) MUST_USE;
/* As p11_open without session and login: loads the module and finds the token. */
enum error p11_find_token(struct p11 *p11, const struct p11_options *options,
                          const struct secret *pin, struct fault *fault) MUST_USE;
/*
 * Whether a process without a past can reach the token: loads the module, finds the token, and
 * opens a session in which objects can be looked for. No login. Closed with p11_close as above.
 */
enum error p11_reach(struct p11 *p11, const struct p11_options *options,
                     struct fault *fault) MUST_USE;
/* What the start does is not standing still. */
void p11_note_progress(const struct p11 *p11);
/* Ends the session and the module. */
void p11_close(struct p11 *p11);
/* Asks the token whether it is still the one that p11 logged in to. */
enum error p11_check(struct p11 *p11, struct fault *fault) MUST_USE;
/* The fault of a return value; notes what it means for the session. */
enum error p11_fail(struct p11 *p11, CK_RV rv, struct fault *fault);

/* ---- p11_object.c ---- */

/* Room for handles, and how many were found. */
struct p11_found {
    CK_OBJECT_HANDLE *handles;
    size_t max;
    size_t count;
};

/* The first objects that match. */
enum error p11_find(struct p11 *p11, CK_ATTRIBUTE *template, CK_ULONG count,
                    struct p11_found *found, struct fault *fault) MUST_USE;
/* Says no to a template's attributes, not to the whole call. */
bool p11_is_attribute_refusal(CK_RV rv);
/* Destroys a session object and forgets its handle; CK_INVALID_HANDLE is allowed. */
void p11_destroy(struct p11 *p11, CK_OBJECT_HANDLE *object);
/*
 * Reads one attribute into its buffer and sets its length; a shorter value is fine. The raw return
 * value is the answer.
 */
CK_RV p11_read(struct p11 *p11, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attribute) MUST_USE;
enum error p11_random(struct p11 *p11, uint8_t *out, size_t length, struct fault *fault) MUST_USE;

/* ---- p11_audit.c ---- */

enum p11_key_use { P11_FIRMWARE_USE, P11_CHECKPOINT_USE, P11_TRANSPORT_USE };

/*
 * *ret_weak is the name of the first attribute weaker than the policy for that use, or NULL. Fails
 * only when the token cannot be read.
 */
enum error p11_audit_key(struct p11 *p11, CK_OBJECT_HANDLE key, enum p11_key_use use,
                         const char **ret_weak, struct fault *fault) MUST_USE;
/*
 * Every rule of a use in the order of its table, and what the token says: whether the attribute
 * is as the policy wants it, and whether the token knows it at all.
 */
struct p11_finding {
    const char *attribute;
    bool is_wanted; /* the value that the policy wants */
    bool is_known;
    bool is_kept;
};
typedef void (*p11_on_finding)(void *context, const struct p11_finding *finding);
enum error p11_audit_each(struct p11 *p11, CK_OBJECT_HANDLE key, enum p11_key_use use,
                          p11_on_finding on_finding, void *context, struct fault *fault) MUST_USE;
/* Whether CKA_LOCAL means something here: p11->keeps_local. Before any audit. */
enum error p11_learn_local(struct p11 *p11, struct fault *fault) MUST_USE;
/* Notes a weak key for the status reply, once. */
void p11_note_weak(struct p11 *p11, CK_OBJECT_HANDLE key, const char *attribute);
/* The start-up audit: every key that carries our labels. */
enum error p11_audit_all(struct p11 *p11, struct fault *fault) MUST_USE;

/* ---- p11_keys.c ---- */

enum error p11_generate_firmware_key(struct p11 *p11, const struct hsm_key_id *id,
                                     const char *label, struct fault *fault) MUST_USE;
/* The same key as it comes, not looked for and not audited; which of the three templates the token
 * took is *ret_template: 0 for the whole one. For trials also as a session object. */
#define P11_FIRMWARE_TEMPLATES 3
struct p11_new_key {
    struct hsm_key_id id;
    const char *label;
    bool is_session; /* else in the token */
};
enum error p11_make_firmware_key(struct p11 *p11, const struct p11_new_key *asked,
                                 CK_OBJECT_HANDLE *ret_key, unsigned *ret_template,
                                 struct fault *fault) MUST_USE;
/* The handle of an audited firmware key. ERR_HSM_KEY_MISSING, ERR_HSM_KEY_WEAK. */
enum error p11_get_firmware_key(struct p11 *p11, const struct hsm_key_id *id,
                                CK_OBJECT_HANDLE *ret_key, struct fault *fault) MUST_USE;
/* Secret keys of this program's or anybody's in the token, by their CKA_ID. */
enum error p11_find_secret_keys(struct p11 *p11, const struct hsm_key_id *id,
                                struct p11_found *found, struct fault *fault) MUST_USE;
/* Makes the checkpoint and the transport key where they are missing. */
enum error p11_init_keys(struct p11 *p11, struct hsm_spki *ret_checkpoint,
                         struct hsm_spki *ret_transport, struct fault *fault) MUST_USE;
/* The same keys without making them; length 0 for a missing one. */
enum error p11_get_spkis(struct p11 *p11, struct hsm_spki *ret_checkpoint,
                         struct hsm_spki *ret_transport, struct fault *fault) MUST_USE;

/* The audited transport key. ERR_HSM_KEY_MISSING, ERR_HSM_KEY_WEAK. */
enum error p11_get_transport_key(struct p11 *p11, CK_OBJECT_HANDLE *ret_key,
                                 struct fault *fault) MUST_USE;

/*
 * For trials: a key pair as p11_init_keys makes it for that use, under an id and a label of the
 * trial's own. The caller destroys both. *ret_spki is its public part.
 */
struct p11_key_pair {
    CK_OBJECT_HANDLE private_key;
    CK_OBJECT_HANDLE public_key;
};
enum error p11_make_trial_pair(struct p11 *p11, enum p11_key_use use,
                               const struct p11_new_key *asked, struct p11_key_pair *ret_pair,
                               struct hsm_spki *ret_spki, struct fault *fault) MUST_USE;

/* A key pair of ours: its fixed CKA_ID and CKA_LABEL, and what it may do. */
struct p11_pair {
    uint8_t id[HSM_KEY_ID_BYTES];
    char label[HSM_LABEL_MAX_BYTES + 1];
    enum p11_key_use use;
    CK_ATTRIBUTE_TYPE allowed;
    CK_ATTRIBUTE_TYPE forbidden;
};
/* *ret_key and *ret_spki are empty when there is no such pair. ERR_HSM_KEY_WEAK. */
enum error p11_find_pair(struct p11 *p11, const struct p11_pair *pair, CK_OBJECT_HANDLE *ret_key,
                         struct hsm_spki *ret_spki, struct fault *fault) MUST_USE;
/* The one that `provctl hsm init` makes for what comes from other HSMs. */
struct p11_pair p11_transport_pair(void);
/* Makes it where it is missing, durably. */
enum error p11_ensure_pair(struct p11 *p11, const struct p11_pair *pair, struct hsm_spki *ret_spki,
                           struct fault *fault) MUST_USE;
/* What was made in the token stays there also when the power goes. */
void p11_make_durable(void);

/* ---- p11_checkpoint.c: the generations of the checkpoint key ---- */

struct p11_pair p11_checkpoint_pair(unsigned generation);
/*
 * The audited checkpoint key of that digest; NULL: the first one. Borrowed until p11_forget.
 * ERR_HSM_KEY_MISSING, ERR_HSM_KEY_WEAK.
 */
enum error p11_get_checkpoint_key(struct p11 *p11, const struct sha256 *digest,
                                  const struct p11_checkpoint_key **ret_key,
                                  struct fault *fault) MUST_USE;
/* For trials: this pair signs, and no other key is known. */
void p11_use_checkpoint_key(struct p11 *p11, CK_OBJECT_HANDLE key, const struct hsm_spki *spki);
/* Those after the first, up to one that is missing or weak. */
enum error p11_get_successors(struct p11 *p11, struct hsm_status *status,
                              struct fault *fault) MUST_USE;
/* As hsm_rotate_checkpoint_key. */
enum error p11_rotate_checkpoint_key(struct p11 *p11, const struct sha256 *old_key,
                                     const char *origin, struct hsm_successor *ret_successor,
                                     struct fault *fault) MUST_USE;

/* ---- p11_destroy.c ---- */

/* As hsm_destroy_keys. */
enum error p11_destroy_keys(struct p11 *p11, unsigned *ret_destroyed, struct fault *fault) MUST_USE;

/* ---- p11_key_life.c ---- */

/* ERR_CONFLICT ("not-a-firmware-key") unless every key of this id is a firmware key of this label.
 * *ret_was_there false: there was none. */
enum error p11_destroy_firmware_key(struct p11 *p11, const struct hsm_key_id *id, const char *label,
                                    bool *ret_was_there, struct fault *fault) MUST_USE;
enum error p11_key_state(struct p11 *p11, const struct hsm_key_id *id,
                         struct hsm_key_state *ret_state, struct fault *fault) MUST_USE;

/* ---- p11_sign.c ---- */

/* Verified under the key's public part, key being a digest or NULL. Errors as
 * p11_get_checkpoint_key. */
enum error p11_sign_checkpoint(struct p11 *p11, struct bytes body, const struct sha256 *key,
                               struct hsm_signature *ret_signature, struct fault *fault) MUST_USE;

/* ---- p11_data.c ---- */

/*
 * Learns p11->keeps_data by making a token object and destroying it: NSS takes session objects and
 * keeps none.
 */
enum error p11_probe_data(struct p11 *p11, struct fault *fault) MUST_USE;
/* ERR_UNSUPPORTED ("no-data-objects") unless p11->keeps_data. */
enum error p11_require_data(const struct p11 *p11, struct fault *fault) MUST_USE;
/* Those of this program, whatever their label. */
enum error p11_find_all_data(struct p11 *p11, struct p11_found *found,
                             struct fault *fault) MUST_USE;
/* The first objects with this label. */
enum error p11_find_data(struct p11 *p11, const char *label, struct p11_found *found,
                         struct fault *fault) MUST_USE;
/* Makes an object, durably. */
enum error p11_create_data(struct p11 *p11, const char *label, struct bytes value,
                           bool is_modifiable, struct fault *fault) MUST_USE;
/* An object's value. ERR_TOO_LARGE: it has none, or more than size bytes. */
enum error p11_read_data(struct p11 *p11, CK_OBJECT_HANDLE object, void *out, size_t size,
                         size_t *ret_length, struct fault *fault) MUST_USE;

/* ---- p11_anchor.c, p11_authority.c: each ERR_UNSUPPORTED ("no-data-objects") without them ---- */

/*
 * Length 0 when there is none. What somebody else put there is given as it is, for whoever checks
 * its signature. ERR_CONFLICT ("anchor-foreign"): it is longer than a note.
 */
enum error p11_read_anchor(struct p11 *p11, struct hsm_anchor *ret_anchor,
                           struct fault *fault) MUST_USE;
/* ERR_CONFLICT: "anchor-taken"; "anchor-larger" and "anchor-other" unless replaces_larger. */
enum error p11_write_anchor(struct p11 *p11, struct bytes note, const struct sha256 *replaces,
                            bool replaces_larger, struct fault *fault) MUST_USE;
/* The last anchor: as hsm_anchor_end. */
enum error p11_end_anchor(struct p11 *p11, struct bytes note, const struct sha256 *replaces,
                          struct fault *fault) MUST_USE;
/* Whether it was written. */
enum error p11_is_retired(struct p11 *p11, bool *ret_is_retired, struct fault *fault) MUST_USE;
/* The products of all of them; two for one product count once or twice. ERR_TOO_LARGE
 * ("authorities"). */
enum error p11_list_authorities(struct p11 *p11, struct hsm_authorities *ret_authorities,
                                struct fault *fault) MUST_USE;
/* All zeros when the token holds something else, or two that differ. */
enum error p11_read_authority(struct p11 *p11, const char *product, bool *ret_is_kept,
                              struct sha256 *ret_digest, struct fault *fault) MUST_USE;
/* The same again is ERR_OK, another ERR_CONFLICT ("authority-kept"). */
enum error p11_write_authority(struct p11 *p11, const char *product, const struct sha256 *digest,
                               struct fault *fault) MUST_USE;

/* ---- p11_session_key.c ---- */

enum error p11_generate_session_key(struct p11 *p11, const struct hsm_key_id *firmware_key,
                                    unsigned key_bytes, struct hsm_wrapped_key *ret_key,
                                    struct fault *fault) MUST_USE;
/* A fresh session key as a session object; the caller destroys it. */
enum error p11_make_session_key(struct p11 *p11, unsigned key_bytes, CK_OBJECT_HANDLE *ret_key,
                                struct fault *fault) MUST_USE;
/* A session key that can be wrapped again; cached, never destroyed by the caller. */
enum error p11_get_session_key(struct p11 *p11, const struct hsm_key_id *firmware_key,
                               struct bytes wrapped, CK_OBJECT_HANDLE *ret_key,
                               struct fault *fault) MUST_USE;
/* A session key that can encrypt; the caller destroys it. */
enum error p11_unwrap_for_encryption(struct p11 *p11, const struct hsm_key_id *firmware_key,
                                     struct bytes wrapped, CK_OBJECT_HANDLE *ret_key,
                                     struct fault *fault) MUST_USE;
/* The session key under another firmware key, by way of a session object that is destroyed. */
enum error p11_rewrap(struct p11 *p11, const struct hsm_key_id *from, struct bytes wrapped,
                      const struct hsm_key_id *to, struct hsm_wrapped_key *ret_key,
                      struct fault *fault) MUST_USE;
/*
 * A session key that can be wrapped again, out of any key that wraps and unwraps; the caller
 * destroys it. ERR_BAD_REQUEST ("wrapped-key-refused"): the key works, and this does not open.
 */
enum error p11_unwrap_under(struct p11 *p11, CK_OBJECT_HANDLE kek, struct bytes wrapped,
                            CK_OBJECT_HANDLE *ret_key, struct fault *fault) MUST_USE;
/* C_WrapKey with AES-KW into *ret_wrapped. */
enum error p11_aes_wrap(struct p11 *p11, CK_OBJECT_HANDLE kek, CK_OBJECT_HANDLE key,
                        struct hsm_wrapped_key *ret_wrapped, struct fault *fault) MUST_USE;
/* Drops every cached handle. */
void p11_forget(struct p11 *p11);

/* ---- p11_point.c: the parts of an agreement that libcrypto does ---- */

struct p11_agreement {
    enum hsm_curve curve;
    enum hsm_kdf kdf;
    struct bytes peer_point; /* validated */
    struct bytes shared_info;
    unsigned kdf_bytes; /* of the KDF's output: a KEK, or whatever a scheme makes of it */
};

/* ERR_BAD_REQUEST unless point is an uncompressed point on P-256 or P-384. */
enum error p11_check_point(enum hsm_curve curve, struct bytes point, struct fault *fault) MUST_USE;
/* Bytes of what two keys on that curve agree on. */
size_t p11_z_bytes(enum hsm_curve curve);
/* DER SubjectPublicKeyInfo of a P-256 point. */
enum error p11_spki_of_point(const uint8_t point[P11_POINT_BYTES], struct hsm_spki *ret_spki,
                             struct fault *fault) MUST_USE;
/* The point in a CKA_EC_POINT, which tokens give bare or in a DER OCTET STRING. */
bool p11_decode_point(enum hsm_curve curve, struct bytes value, uint8_t *out);
/*
 * Ephemeral key, ECDH, KDF: the KDF's output and the point that goes with it. ERR_BAD_REQUEST
 * ("peer-point"): it is no point, or one of small order.
 */
enum error p11_host_agree(const struct p11_agreement *agreement, struct secret *ret_output,
                          uint8_t ret_ephemeral[HSM_POINT_MAX_BYTES], struct fault *fault) MUST_USE;

/* The KDF alone, on the Z of an agreement that was made elsewhere. */
enum error p11_host_kdf(const struct secret *z, const struct p11_agreement *agreement,
                        struct secret *ret_output, struct fault *fault) MUST_USE;

/* A device of our own, for dry runs: a fresh key and its point. Freed with p11_device_free. */
struct p11_device {
    void *key;
    uint8_t point[HSM_POINT_MAX_BYTES];
    size_t point_length;
};
enum error p11_device_new(enum hsm_curve curve, struct p11_device *ret_device,
                          struct fault *fault) MUST_USE;
/* {0} is allowed. */
void p11_device_free(struct p11_device *device);
/*
 * Whether the device opens what was wrapped for it under a KEK of 32 bytes, as any device would:
 * ECDH, KDF, RFC 3394.
 * EXPOSURE: the wrapped key is in the secure heap for that moment; only for throw-away keys.
 */
bool p11_device_opens(const struct p11_device *device, const struct p11_agreement *agreement,
                      const struct hsm_wrapped *wrapped);

/* Likewise, and the key itself. */
bool p11_device_takes(const struct p11_device *device, const struct p11_agreement *agreement,
                      const struct hsm_wrapped *wrapped, struct secret *ret_key);

/* ---- p11_kdf.c ---- */

/* False for lack of memory, or when libcrypto lacks the KDF. */
bool p11_kdf(const struct secret *z, const struct p11_agreement *agreement,
             struct secret *ret_output) MUST_USE;

/* ---- p11_derive.c: the parts of an agreement that a token does ---- */

/* Whether PKCS#11 has a way from this agreement to a KEK; the token may still lack it. */
bool p11_can_ask_for_kdf(enum hsm_kdf kdf);
/*
 * Ephemeral key, ECDH and KDF: a KEK that can wrap and nothing else, as a session object that the
 * caller destroys, and the point that goes with it. The raw return value is the answer.
 */
CK_RV p11_token_agree(struct p11 *p11, const struct p11_agreement *agreement,
                      CK_OBJECT_HANDLE *ret_kek,
                      uint8_t ret_ephemeral[HSM_POINT_MAX_BYTES]) MUST_USE;

/* ---- p11_rsa.c: wraps for RSA keys ---- */

/*
 * The EVP_PKEY of a DER SubjectPublicKeyInfo; the caller frees it. ERR_BAD_REQUEST ("peer-spki"):
 * it is no RSA key, or not of the sizes that hsm.proto names.
 */
enum error p11_rsa_parse(struct bytes spki, void **ret_key, struct fault *fault) MUST_USE;
/* Whether the token has that way; found out once. ERR_UNSUPPORTED ("unsupported-by-token"). */
enum error p11_rsa_try(struct p11 *p11, enum p11_rsa_way way, struct fault *fault) MUST_USE;
/*
 * As p11_wrap for HSM_RSA_OAEP and HSM_RSA_PKCS1. What the token can do it shows once per worker,
 * by a dry run that a key of our own opens. ERR_UNSUPPORTED ("unsupported-by-token").
 */
enum error p11_rsa_wrap(struct p11 *p11, const struct hsm_wrap *wrap,
                        struct hsm_wrapped *ret_wrapped, struct fault *fault) MUST_USE;

/* ---- p11_wrap.c ---- */

/* One mode's complete dry run; p11->mode is that mode then. Errors as p11_choose_mode. */
enum error p11_try_mode(struct p11 *p11, enum hsm_mode mode, struct fault *fault) MUST_USE;
/*
 * Chooses p11->mode by a complete dry run, to whose result a device of our own opens its license: a
 * token's KDF or key wrap that only looks right must not be found out by devices. Likewise for the
 * other agreements of licenses, which may fail. ERR_UNSUPPORTED ("wrap-not-standard"): in neither
 * mode.
 */
enum error p11_choose_mode(struct p11 *p11, struct fault *fault) MUST_USE;
/* How p11, whose mode is known, wraps by that agreement: by a complete dry run. */
enum error p11_try_agreement(struct p11 *p11, enum hsm_curve curve, enum hsm_kdf kdf,
                             enum hsm_mode *ret_mode, struct fault *fault) MUST_USE;
enum error p11_wrap(struct p11 *p11, const struct hsm_wrap *wrap, struct hsm_wrapped *ret_wrapped,
                    struct fault *fault) MUST_USE;

/* A KEK as a session object that can wrap and nothing else; the caller destroys it. */
enum error p11_import_kek(struct p11 *p11, const struct secret *kek, CK_OBJECT_HANDLE *ret_key,
                          struct fault *fault) MUST_USE;

/* ---- p11_import.c ---- */

/* ERR_BAD_REQUEST: "peer-point", "import-refused". */
enum error p11_import(struct p11 *p11, const struct hsm_import *import,
                      struct hsm_wrapped_key *ret_key, struct fault *fault) MUST_USE;

/* ---- p11_seal.c ---- */

/* EXPOSURE: the session key's bytes are in the secure heap for the moment of the encryption. */
enum error p11_seal(struct p11 *p11, const struct hsm_seal *seal, struct hsm_sealed *ret_sealed,
                    struct fault *fault) MUST_USE;

/* ---- p11_seal_scheme.c ---- */

#define P11_SEAL_GCM_KDF_BYTES 64

/*
 * Each fills bytes and length of *sealed; its ephemeral point is there already, where there is one.
 * False: libcrypto failed. peer is an EVP_PKEY.
 */
bool p11_seal_gcm(const struct hsm_seal *seal, const struct secret *kdf, const struct secret *text,
                  struct hsm_sealed *sealed) MUST_USE;
bool p11_seal_ctr_hmac(const struct hsm_seal *seal, const struct secret *kdf,
                       const struct secret *text, struct hsm_sealed *sealed) MUST_USE;
bool p11_seal_oaep(void *peer, const struct secret *text, struct hsm_sealed *sealed) MUST_USE;

/* ---- p11_message.c: what every encryption needs ---- */

/* Messages under one key, in a session of their own: closing it ends whatever is under way. */
struct p11_message {
    struct p11 *p11;
    CK_OBJECT_HANDLE key;
    enum hsm_cipher cipher;    /* HSM_AES_GCM for a record, too */
    size_t iv_bytes;           /* 16 but for GCM */
    CK_SESSION_HANDLE session; /* CK_INVALID_HANDLE: none yet */
    uint8_t iv[HSM_IV_MAX];
    CK_GCM_PARAMS gcm; /* kept: some modules read them after C_EncryptInit */
    CK_AES_CTR_PARAMS ctr;
};

/* Of the tag behind the ciphertext; 0: there is none. */
size_t p11_message_tag_bytes(const struct p11_message *message);
/* Of the ciphertext of that many bytes, without the tag. */
uint64_t p11_message_cipher_bytes(const struct p11_message *message, uint64_t length);
/*
 * Begins a message under an IV of iv_bytes; aad, GCM's alone, is borrowed until its end. The raw
 * return value is the answer.
 */
CK_RV p11_message_begin(struct p11_message *message, const uint8_t *iv, struct bytes aad) MUST_USE;
/* The whole text of a message in one part: out gets the ciphertext, then the tag. */
enum error p11_message_encrypt(struct p11_message *message, uint8_t *text, size_t length,
                               uint8_t *out, struct fault *fault) MUST_USE;
void p11_message_close(struct p11_message *message);
/* read(2) until size bytes or the end of the file. */
enum error p11_message_read(int clear_fd, uint8_t *out, size_t size, size_t *ret_length,
                            struct fault *fault) MUST_USE;
enum error p11_message_write(int cipher_fd, const uint8_t *data, size_t length,
                             struct fault *fault) MUST_USE;

/* ---- p11_encrypt.c ---- */

struct p11_encryption {
    struct hsm_key_id firmware_key;
    struct bytes wrapped_session_key;
    enum hsm_cipher cipher;
    struct bytes aad;  /* empty with records */
    unsigned iv_bytes; /* as in struct hsm_encryption */
    uint64_t length;
    bool appends_tag;
    int clear_fd;
    int cipher_fd;
};

enum error p11_encrypt(struct p11 *p11, const struct p11_encryption *encryption,
                       struct hsm_content *ret_content, struct fault *fault) MUST_USE;

/* ---- p11_records.c ---- */

/* The part of p11_encrypt that is HSM_AES_GCM_RECORDS, under this key and nonce. */
enum error p11_encrypt_records(struct p11 *p11, const struct p11_encryption *encryption,
                               CK_OBJECT_HANDLE key, const uint8_t nonce[HSM_GCM_IV_BYTES],
                               struct hsm_content *ret_content, struct fault *fault) MUST_USE;
/* nonce + n as big-endian numbers modulo 2^96. */
void p11_record_iv(const uint8_t nonce[HSM_GCM_IV_BYTES], uint32_t n,
                   uint8_t out[HSM_GCM_IV_BYTES]);

#endif
