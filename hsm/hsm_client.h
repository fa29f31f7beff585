/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The HSM as the rest of the tree sees it: a client of provision-hsm's socket.
 *
 * provision-hsm may start later, crash and come back: each call connects when needed and ends by
 * its deadline. A call whose answer is lost (ERR_HSM_UNAVAILABLE, ERR_TIMEOUT) can be repeated:
 * key generation finds the key again, an anchor or authority is there once, everything else leaves
 * nothing behind. Inputs must be valid before they come here (points on the curve above all), so
 * that garbage from outside never looks like a dead HSM.
 *
 * Order of calls: hsm_client_new, any calls, hsm_client_free. Threads: safe from any thread.
 */
#ifndef HSM_HSM_CLIENT_H
#define HSM_HSM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"

#define HSM_KEY_ID_BYTES        16
#define HSM_LABEL_MAX_BYTES     64
#define HSM_SPKI_MAX_BYTES      600
#define HSM_CHECKPOINT_KEYS_MAX 16 /* generations of the checkpoint key */
#define HSM_ORIGIN_MAX          92 /* bytes of an origin that is in a statement of keys */
#define HSM_SERIAL_SIZE         17 /* of a token's serial number, with the terminating NUL */
#define HSM_SESSION_KEY_MAX     32
#define HSM_WRAPPED_KEY_MAX     (HSM_SESSION_KEY_MAX + 8)
#define HSM_POINT_MAX_BYTES     133 /* uncompressed P-521 */
#define HSM_PEER_SPKI_MAX       600 /* RSA with 4096 bits */
#define HSM_PEER_KEY_MAX        512 /* bytes of a key that is wrapped for one peer */
#define HSM_SHARED_INFO_MAX     256
#define HSM_AAD_MAX             1024
#define HSM_GCM_IV_BYTES        12
#define HSM_IV_MAX              16
#define HSM_GCM_TAG_BYTES       16
#define HSM_RECORD_AAD_MAX      64
#define HSM_RECORD_TEXT_MAX     ((uint32_t)1024 * 1024)
#define HSM_RECORDS_MAX         65536
#define HSM_SEAL_PREFIX_MAX     32
#define HSM_SEAL_AAD_MAX        256
#define HSM_SEALED_MAX          HSM_PEER_KEY_MAX
#define HSM_WRAPS_MAX           32 /* in one question */
#define HSM_WEAK_KEYS_MAX       16
#define HSM_CHECKPOINT_BODY_MAX 255
#define HSM_SIGNATURE_MAX       80   /* ECDSA P-256 in DER */
#define HSM_ANCHOR_MAX          4095 /* bytes of a note */
#define HSM_PRODUCT_MAX         64
#define HSM_KEY_STATES_MAX      64
#define HSM_ATTRIBUTE_SIZE      40 /* of an attribute's name, with the terminating NUL */
#define HSM_FIRMWARE_KEY_PREFIX "provisiond-fk:" /* of a firmware key's label */
#define HSM_REQUEST_MAX_BYTES   ((size_t)64 * 1024)
#define HSM_CALL_TIMEOUT_MS     5000    /* a wrap or a status, queueing included */
#define HSM_STATUS_TIMEOUT_MS   2000    /* answered from the master's memory */
#define HSM_KEYGEN_TIMEOUT_MS   30000   /* network HSMs take seconds */
#define HSM_ENCRYPT_TIMEOUT_MS  3600000 /* a whole image; a stalled worker is noticed earlier */
#define HSM_BACKOFF_MAX_MS      1000    /* between two logins at an HSM that is away */

struct hsm_client;

struct hsm_key_id {
    uint8_t bytes[HSM_KEY_ID_BYTES];
};

enum hsm_mode { HSM_HOST_MODE = 1, HSM_TOKEN_MODE = 2 };

struct hsm_spki {
    uint8_t der[HSM_SPKI_MAX_BYTES];
    size_t length; /* 0: the key does not exist yet */
};

struct hsm_weak_key {
    struct hsm_key_id id;
    char label[HSM_LABEL_MAX_BYTES + 1];
    char attribute[HSM_ATTRIBUTE_SIZE]; /* the first one that is too weak, "CKA_EXTRACTABLE" */
};

/* The CKA_LABEL of the two key pairs; a firmware key's is its product's. */
#define HSM_CHECKPOINT_LABEL  "provisiond-checkpoint"
#define HSM_TRANSPORT_LABEL   "provisiond-transport"
#define HSM_WEAK_KEY_TEXT_MAX 384

/* What the attribute means, what follows, and what to do, in sentences. */
void hsm_weak_key_explain(const struct hsm_weak_key *weak, char out[HSM_WEAK_KEY_TEXT_MAX]);

struct hsm_status {
    unsigned workers_ready; /* idle or busy */
    unsigned workers_total;
    unsigned workers_busy;
    uint64_t worker_restarts; /* lost and replaced since the service started */
    char token_label[33];
    char token_serial[HSM_SERIAL_SIZE];
    char token_model[17];
    enum hsm_mode mode;
    bool keeps_data;            /* the token has data objects: it can keep an anchor */
    struct hsm_spki checkpoint; /* its SHA-256 is this HSM's identity */
    struct hsm_spki successors[HSM_CHECKPOINT_KEYS_MAX - 1]; /* of the checkpoint key, in order */
    size_t successor_count;
    struct hsm_spki transport;
    struct hsm_weak_key weak_keys[HSM_WEAK_KEYS_MAX]; /* refused by the start-up audit */
    size_t weak_key_count;
};

struct hsm_wrapped_key {
    uint8_t bytes[HSM_WRAPPED_KEY_MAX];
    size_t length;
};

/* HSM_AES_GCM: one message. HSM_AES_GCM_RECORDS: a sequence of messages (hsm.proto says how).
 * HSM_AES_CBC: with PKCS#7 padding. */
enum hsm_cipher {
    HSM_AES_GCM = 1,
    HSM_AES_GCM_RECORDS = 2,
    HSM_AES_CBC = 3,
    HSM_AES_CTR = 4,
};

/* One encryption of a file. Both descriptors are regular files and stay the caller's. */
struct hsm_encryption {
    struct hsm_key_id firmware_key;
    struct hsm_wrapped_key session_key;
    enum hsm_cipher cipher;
    struct bytes aad; /* with HSM_AES_GCM alone, at most HSM_AAD_MAX */
    /* GCM: 12 (or 0, which is 12) or 16; CBC: 16; CTR: 16, or 0: the counter begins at 0, and this
     * is all that the session key ever encrypts; records: 0. */
    unsigned iv_bytes;
    uint64_t length;  /* of clear_fd's bytes from its present offset; 0: to its end */
    bool appends_tag; /* HSM_AES_GCM: the tag is written behind the ciphertext, too */
    int clear_fd;
    int cipher_fd;
};

struct hsm_content {
    uint8_t iv[HSM_IV_MAX];         /* the nonce; the counter block */
    size_t iv_length;               /* 0: a counter block of zeros */
    uint8_t tag[HSM_GCM_TAG_BYTES]; /* of the message; of the first record */
    size_t tag_length;              /* 0 with CBC and CTR */
    uint64_t length;                /* bytes read from clear_fd */
};

enum hsm_curve { HSM_P256 = 1, HSM_P384 = 2, HSM_X25519 = 3 };
enum hsm_kdf {
    HSM_X963_SHA256 = 1, /* ANSI X9.63 */
    HSM_X963_SHA384 = 2,
    HSM_HKDF_SHA256 = 3, /* RFC 5869, no salt */
    HSM_HKDF_SHA512 = 4,
    HSM_CONCAT_SHA256 = 5, /* NIST SP 800-56A, one step */
};
enum hsm_key_wrap {
    HSM_AES_KEY_WRAP = 1, /* RFC 3394, under the KEK of an agreement */
    HSM_RSA_OAEP = 2,     /* with the best hash that the token knows */
    HSM_RSA_PKCS1 = 3,
};
enum hsm_hash { HSM_SHA1 = 1, HSM_SHA256 = 2 };

/* One wrap of a session key for one peer; all views are borrowed for the call. */
struct hsm_wrap {
    struct hsm_key_id firmware_key;
    struct hsm_wrapped_key session_key;
    enum hsm_key_wrap key_wrap;
    /* HSM_AES_KEY_WRAP alone: */
    struct bytes peer_point;  /* uncompressed, validated by the caller */
    struct bytes shared_info; /* at most HSM_SHARED_INFO_MAX */
    enum hsm_curve curve;     /* not HSM_X25519 */
    enum hsm_kdf kdf;
    unsigned kek_bytes; /* 16 or 32 */
    /* HSM_RSA_OAEP, HSM_RSA_PKCS1 alone: */
    struct bytes peer_spki; /* DER SubjectPublicKeyInfo, 2048 to 4096 bits */
};

/* A session key as one peer gets it. */
struct hsm_peer_key {
    uint8_t bytes[HSM_PEER_KEY_MAX];
    size_t length; /* that of the wrapped session key, or of the RSA modulus */
};

struct hsm_wrapped {
    uint8_t ephemeral_point[HSM_POINT_MAX_BYTES];
    size_t ephemeral_length; /* 0 with RSA */
    struct hsm_peer_key key;
    enum hsm_mode mode;      /* of this wrap */
    enum hsm_hash oaep_hash; /* HSM_RSA_OAEP: what was taken; 0 otherwise */
};

enum hsm_seal_scheme {
    HSM_ECIES_AES128_GCM = 1,
    HSM_ECIES_CTR_HMAC = 2,   /* P-256 or X25519, with HKDF */
    HSM_SEAL_OAEP_SHA256 = 3, /* RSAES-OAEP, SHA-256 for both hashes */
};

/* Which parts of the KDF's output K the sealing key and IV are; offsets and lengths in bytes. */
struct hsm_seal_layout {
    unsigned key_offset; /* at most 16: the key is K[key_offset .. key_offset + 15] */
    unsigned iv_offset;  /* the IV ends within K[0..31], apart from the key */
    unsigned iv_bytes;   /* 12 to 16 */
};

/* One sealing of a session key for one peer; all views are borrowed for the call. */
struct hsm_seal {
    struct hsm_key_id firmware_key;
    struct hsm_wrapped_key session_key;
    enum hsm_seal_scheme scheme;
    /* The two ECIES alone: */
    enum hsm_curve curve;
    struct bytes peer_point; /* uncompressed, or the 32 bytes of X25519; validated by the caller */
    enum hsm_kdf kdf;
    struct bytes shared_info; /* at most HSM_SHARED_INFO_MAX */
    /* HSM_ECIES_AES128_GCM alone, with HSM_P256 and HSM_X963_SHA256: */
    struct hsm_seal_layout layout;
    struct bytes prefix; /* at most HSM_SEAL_PREFIX_MAX */
    struct bytes aad;    /* at most HSM_SEAL_AAD_MAX */
    /* HSM_ECIES_CTR_HMAC alone: */
    unsigned kek_bytes; /* 16 or 32 */
    unsigned mac_bytes; /* 32: HMAC with SHA-256; 64: HMAC with SHA-512 */
    /* HSM_SEAL_OAEP_SHA256 alone: */
    struct bytes peer_spki; /* as in struct hsm_wrap */
};

struct hsm_sealed {
    uint8_t ephemeral_point[HSM_POINT_MAX_BYTES];
    size_t ephemeral_length;       /* 0 with RSA */
    uint8_t bytes[HSM_SEALED_MAX]; /* ciphertext, tag; or what RSA gives */
    size_t length;
};

/* A session key that was wrapped for this HSM's transport key; all views are borrowed for the call.
 */
struct hsm_import {
    struct hsm_key_id firmware_key; /* that it is wrapped by from now on */
    enum hsm_curve curve;
    struct bytes ephemeral_point; /* uncompressed, validated by the caller */
    enum hsm_kdf kdf;
    struct bytes shared_info; /* at most HSM_SHARED_INFO_MAX */
    unsigned kek_bytes;       /* 16 or 32 */
    struct hsm_wrapped_key key;
};

/* Never connects. socket_path is copied. */
enum error hsm_client_new(const char *socket_path, struct hsm_client **ret_client) MUST_USE;
/* NULL is allowed; no call may be under way. */
void hsm_client_free(struct hsm_client *client);

/*
 * All calls below: ERR_HSM_UNAVAILABLE (no service, no worker, or lost on the way),
 * ERR_TIMEOUT, ERR_BUSY, ERR_HSM_PIN_REFUSED, and what they list. *fault is filled on failure.
 */

enum error hsm_status(struct hsm_client *client, struct hsm_status *ret_status,
                      struct fault *fault) MUST_USE;

struct hsm_signature {
    uint8_t der[HSM_SIGNATURE_MAX];
    size_t length;
};

struct hsm_anchor {
    char note[HSM_ANCHOR_MAX + 1];
    size_t length;   /* 0: the token holds none */
    bool is_retired; /* it is the last one: hsm_anchor_end wrote it */
};

/* Makes the checkpoint and transport keys where missing; idempotent. */
enum error hsm_init(struct hsm_client *client, struct hsm_spki *ret_checkpoint,
                    struct hsm_spki *ret_transport, struct fault *fault) MUST_USE;

/* Makes a firmware key under id; succeeds when a key with that id and label exists already. */
enum error hsm_generate_firmware_key(struct hsm_client *client, const struct hsm_key_id *id,
                                     const char *label, struct fault *fault) MUST_USE;

/* key_bytes is 16 or 32. ERR_HSM_KEY_MISSING, ERR_HSM_KEY_WEAK. */
enum error hsm_generate_session_key(struct hsm_client *client,
                                    const struct hsm_key_id *firmware_key, unsigned key_bytes,
                                    struct hsm_wrapped_key *ret_key, struct fault *fault) MUST_USE;

/*
 * Wraps a session key under another firmware key, inside the token: the same key every time that it
 * is asked for. ERR_HSM_KEY_MISSING (either firmware key), ERR_HSM_KEY_WEAK, ERR_BAD_REQUEST
 * ("wrapped-key-refused": it does not open under `from`; "same-key").
 */
enum error hsm_rewrap(struct hsm_client *client, const struct hsm_key_id *from,
                      const struct hsm_wrapped_key *key, const struct hsm_key_id *to,
                      struct hsm_wrapped_key *ret_key, struct fault *fault) MUST_USE;

/*
 * Destroys a firmware key for ever; *ret_was_there false: it was gone already. The caller knows
 * that nothing needs it any more. ERR_CONFLICT ("not-a-firmware-key"): what has this id is no
 * firmware key, or has another label; nothing was destroyed.
 */
enum error hsm_destroy_firmware_key(struct hsm_client *client, const struct hsm_key_id *id,
                                    const char *label, bool *ret_was_there,
                                    struct fault *fault) MUST_USE;

struct hsm_key_state {
    bool exists;
    char weak_attribute[HSM_ATTRIBUTE_SIZE]; /* "": as the policy wants it */
};
/* The states of 1 to HSM_KEY_STATES_MAX firmware keys, in the order of ids. */
enum error hsm_key_states(struct hsm_client *client, const struct hsm_key_id *ids, size_t count,
                          struct hsm_key_state *ret_states, struct fault *fault) MUST_USE;

/*
 * Encrypts inside the token, from clear_fd (present offset to end) to cipher_fd. The caller makes
 * sure that this session key encrypts nothing else, ever. ERR_HSM_KEY_MISSING, ERR_HSM_KEY_WEAK,
 * ERR_BAD_REQUEST (unreadable or unwritable file; "clear-short": fewer bytes than length;
 * "records": not a sequence of records); ERR_UNSUPPORTED ("unsupported-by-token").
 */
enum error hsm_encrypt(struct hsm_client *client, const struct hsm_encryption *encryption,
                       struct hsm_content *ret_content, struct fault *fault) MUST_USE;

/*
 * Signs a checkpoint's body or a backup's (journal/backup_note.h; at most HSM_CHECKPOINT_BODY_MAX),
 * and nothing of another form (ERR_BAD_REQUEST, "checkpoint-form"), with the checkpoint key of that
 * digest (NULL: the first one). ERR_HSM_KEY_MISSING, ERR_HSM_KEY_WEAK.
 */
enum error hsm_sign_checkpoint(struct hsm_client *client, struct bytes body,
                               const struct sha256 *key, struct hsm_signature *ret_signature,
                               struct fault *fault) MUST_USE;

/* A checkpoint key that follows another one, and the older one's word for it. */
struct hsm_successor {
    unsigned generation;            /* 2 for the first key's */
    struct hsm_spki spki;           /* P-256 */
    struct hsm_signature signature; /* by the older key, over what journal/key_statement.h writes */
};
/*
 * Makes the key that follows the one of digest old_key, or finds it again: no key has two. origin
 * is the journal's. ERR_HSM_KEY_MISSING, ERR_HSM_KEY_WEAK; ERR_CONFLICT ("checkpoint-keys-many").
 */
enum error hsm_rotate_checkpoint_key(struct hsm_client *client, const struct sha256 *old_key,
                                     const char *origin, struct hsm_successor *ret_successor,
                                     struct fault *fault) MUST_USE;

/*
 * The anchor: the newest checkpoint note, kept in the token. Reading checks no signature, and gives
 * what somebody else put there as it is; ERR_CONFLICT ("anchor-foreign") when that is longer than a
 * note. Writing is safe against a cut: one of the two is there. Takes notes only (ERR_BAD_REQUEST,
 * "anchor-form"). replaces is the SHA-256 of the note that the caller last saw there (of nothing,
 * when there was none). ERR_CONFLICT: "anchor-taken", the token holds another than that, and not
 * this very note either; "anchor-larger", the token's has more leaves; "anchor-other", as many and
 * another root, or it is no note. replaces_larger, after an override alone, goes over the last two.
 * ERR_UNSUPPORTED ("no-data-objects").
 */
enum error hsm_anchor_read(struct hsm_client *client, struct hsm_anchor *ret_anchor,
                           struct fault *fault) MUST_USE;
enum error hsm_anchor_write(struct hsm_client *client, struct bytes note,
                            const struct sha256 *replaces, bool replaces_larger,
                            struct fault *fault) MUST_USE;

/*
 * Writes the last anchor there is. Any other one after it, of another size or root, is
 * ERR_HSM_RETIRED; the same again is ERR_OK. Otherwise as hsm_anchor_write.
 */
enum error hsm_anchor_end(struct hsm_client *client, struct bytes note,
                          const struct sha256 *replaces, struct fault *fault) MUST_USE;
/*
 * Destroys every firmware key and the transport key of an HSM whose last anchor is written: no
 * license can ever be made again. ERR_FORBIDDEN ("hsm-not-retired"). Safe to repeat; *ret_destroyed
 * is how many objects this call destroyed.
 */
enum error hsm_destroy_keys(struct hsm_client *client, unsigned *ret_destroyed,
                            struct fault *fault) MUST_USE;

/*
 * The digest of a product's first authority set, kept in the token and written once: the same again
 * is ERR_OK, another ERR_CONFLICT ("authority-kept"). *ret_is_kept false: none is kept. A digest
 * of zeros, which fits no set: the token holds something else under this name, or two that differ.
 * ERR_UNSUPPORTED ("no-data-objects").
 */
enum error hsm_authority_read(struct hsm_client *client, const char *product, bool *ret_is_kept,
                              struct sha256 *ret_digest, struct fault *fault) MUST_USE;
/* The names of all products with one. ERR_TOO_LARGE ("authorities"): there are more. */
#define HSM_AUTHORITIES_MAX 512
struct hsm_authorities {
    char products[HSM_AUTHORITIES_MAX][HSM_PRODUCT_MAX + 1];
    size_t count;
};
enum error hsm_authority_list(struct hsm_client *client, struct hsm_authorities *ret_authorities,
                              struct fault *fault) MUST_USE;
enum error hsm_authority_write(struct hsm_client *client, const char *product,
                               const struct sha256 *digest, struct fault *fault) MUST_USE;

/*
 * Wraps for one peer. ERR_HSM_KEY_MISSING, ERR_HSM_KEY_WEAK; ERR_BAD_REQUEST ("peer-point",
 * "peer-spki"); ERR_UNSUPPORTED ("unsupported-by-token").
 */
enum error hsm_wrap_key(struct hsm_client *client, const struct hsm_wrap *wrap,
                        struct hsm_wrapped *ret_wrapped, struct fault *fault) MUST_USE;

#define HSM_WRAPS_LATE "wraps-late"

/* Of one wrap of many: wrapped is set when the fault's code is ERR_OK. */
struct hsm_wrap_result {
    struct fault fault;
    struct hsm_wrapped wrapped;
};

/*
 * Many wraps: each as hsm_wrap_key, with a fault of its own. Asks for as many at once as the HSM
 * does in a tenth of a second (at most HSM_WRAPS_MAX), again and again until the deadline, and two
 * threads at a time, so that single wraps do not wait long behind these: what was not asked for
 * until then is ERR_BUSY (HSM_WRAPS_LATE). When a question has no answer at all, those
 * that follow are not asked, and have its fault.
 */
void hsm_wrap_keys(struct hsm_client *client, const struct hsm_wrap *wraps, size_t count,
                   deadline_ms deadline, struct hsm_wrap_result *ret_results);

/*
 * Takes a session key in that was wrapped for the transport key, and wraps it by a firmware key.
 * ERR_BAD_REQUEST: "import-refused" (it does not open), "peer-point". ERR_HSM_KEY_MISSING also
 * without a transport key ("transport-key-missing"); ERR_HSM_KEY_WEAK.
 */
enum error hsm_import_key(struct hsm_client *client, const struct hsm_import *import,
                          struct hsm_wrapped_key *ret_key, struct fault *fault) MUST_USE;

/*
 * Encrypts a session key for one peer with a scheme that tokens do not have as a wrap (hsm.proto,
 * HsmSealScheme). EXPOSURE: the session key is in a worker's locked memory for the
 * moment of the encryption: only for products that allow it. Errors as hsm_wrap_key.
 */
enum error hsm_seal_key(struct hsm_client *client, const struct hsm_seal *seal,
                        struct hsm_sealed *ret_sealed, struct fault *fault) MUST_USE;

#endif
