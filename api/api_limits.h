/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a client may send at most. docs/problems.md and api/openapi.yaml repeat the figures that a
 * client sees. Threads: constants.
 */
#ifndef API_API_LIMITS_H
#define API_API_LIMITS_H

#define API_BODY_MAX_BYTES       98304   /* a JSON body; [api] body_max_bytes may say less */
#define API_BATCH_MAX_BYTES      1048576 /* of many licenses; [api] batch_max_bytes as well */
#define API_FORM_MAX_BYTES       8192    /* a form with a chip's certificate */
#define API_DRAIN_MAX_BYTES      2097152 /* read and dropped so that the client sees the answer */
#define API_CHAIN_MAX_BYTES      32768   /* a PEM certificate chain */
#define API_DEVICE_KEY_MAX_BYTES 4096    /* a device's public key, PEM */
#define API_ST_CERT_MAX_BYTES    1024    /* a chip's certificate as it was read */
#define API_NAME_MAX_BYTES       64      /* a product, lot, line, … */
#define API_DETAIL_MAX_BYTES     256     /* free text of an outcome */
#define API_SIGNATURE_MAX_BYTES  144     /* a device's receipt */
#define API_BATCH_MAX            256     /* licenses of one batch */
#define API_PAGE_MAX             256     /* entries of one answer */
#define API_PAGE_DEFAULT         100
#define API_BYTES_PER_REQUEST    4096   /* of a body: so many more count as one more request */
#define API_ROWS_PER_REQUEST     32     /* of a page that is asked for: likewise */
#define API_JSON_VALUES_MAX      4096   /* commas and opening brackets of a JSON body */
#define API_ANCHORS_MAX_BYTES    65536  /* PEM text of a product's trust anchors */
#define API_DOCUMENT_MAX_BYTES   114688 /* what the maker signed: 112 KiB */
#define API_LICENSE_MAX_BYTES    4096   /* what the vault may answer */
#define API_LEAF_MAX_BYTES       8192   /* an entry of the journal */
#define API_NOTE_MAX_BYTES       4095   /* a checkpoint */
#define API_SPKI_MAX_BYTES       129    /* a P-256 key's */
#define API_PROOF_MAX_HASHES     64     /* of a proof that a leaf is in the journal */
#define API_SIGNERS_MAX          16     /* of a document */
#define API_JSON_DEPTH_MAX       8      /* [api] json_depth_max may say less */
#define API_ANSWER_HEAD_BYTES    4096   /* room for the answer's headers */
#define API_ANSWER_BYTES_PER_S   16384  /* that a client reads of an answer at least */
#define API_HEALTH_TIMEOUT_MS    3000   /* how long /readyz and /metrics wait for the vault */
#define API_DRAIN_TIMEOUT_MS     5000   /* how long a stop waits for requests under way */
#define API_GREET_TIMEOUT_MS     1000   /* how long a stop waits for first requests */
#define API_LEAVE_TIMEOUT_MS     2000   /* how long a stop waits for answers to leave */
#define API_REQUEST_ID_MAX       64
#define API_THREADS_MAX          64
#define API_CONNECTIONS_MAX      65536 /* [api] connections says less */

#define API_TEXT_OF(value)       #value
#define API_NUMBER_OF(limit)     API_TEXT_OF(limit) /* a limit's digits, for a sentence */

#endif
