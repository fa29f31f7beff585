/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The configuration: one INI file for the three programs and provctl's admin side.
 *
 * Read at start, and again at each reload, into an immutable struct; strict: an unknown section or
 * key, a key twice, a value outside its limits is an error that names file, line and key. Every key
 * has a default but those marked required. Paths are absolute. Threads: immutable after
 * config_load.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stddef.h>

#include "core/error.h"
#include "core/log.h"

#define CONFIG_PATH_MAX     256 /* bytes of a path or an address, with NUL */
#define CONFIG_NAME_MAX     64
#define CONFIG_PROBLEM_MAX  512
#define CONFIG_DEFAULT_PATH "/etc/provisiond/provisiond.conf"

/* How much provision-hsm closes for itself and for the vendor's module in it (daemon/sandbox.h). */
enum config_sandbox { CONFIG_SANDBOX_STRICT, CONFIG_SANDBOX_MODULE };

/* [hsm]: provision-hsm, and where the vault finds it */
struct config_hsm {
    char module[CONFIG_PATH_MAX];           /* required: the vendor's PKCS#11 module */
    char token[33];                         /* required: CKA label of the token, at most 32 bytes */
    char module_arguments[CONFIG_PATH_MAX]; /* C_Initialize's LibraryParameters; "" is none */
    char socket[CONFIG_PATH_MAX];           /* default /run/provision-hsm/hsm.sock */
    char client_user[CONFIG_NAME_MAX];      /* who may connect beside root and the own user:
                                               default provision-vault */
    unsigned workers;                       /* 1 to 64, default 2 */
    unsigned call_timeout_ms;               /* 100 to 600000, default 2000: one HSM call */
    unsigned recycle_after; /* calls after which a worker is replaced, default 200000 */
    unsigned recycle_mb;    /* MiB by which one may grow before that */
    char pin_credential[CONFIG_NAME_MAX]; /* systemd credential, default "hsm-pin" */
    char state[CONFIG_PATH_MAX]; /* folder of what outlives a start: whether the PIN was refused */
    enum config_sandbox sandbox; /* strict (default) or module */
};

/* [vault]: provision-vault */
struct config_vault {
    char socket[CONFIG_PATH_MAX];       /* default /run/provision-vault/station.sock */
    char client_user[CONFIG_NAME_MAX];  /* default provisiond */
    char admin_socket[CONFIG_PATH_MAX]; /* default /run/provision-vault/admin.sock */
    char admin_group[CONFIG_NAME_MAX];  /* may use it beside root and the own user; "" is nobody,
                                           default provision-admin */
    char ledger[CONFIG_PATH_MAX];       /* default /var/lib/provision-vault/ledger.db */
    char images[CONFIG_PATH_MAX];       /* default /var/lib/provision-vault/images */
    unsigned threads;                   /* 1 to 256, default 32 */
    unsigned queue;                     /* requests that may wait, 1 to 65536, default 1024 */
    unsigned queue_per_caller;          /* of them of one caller, 1 to 65536, default 128 */
    unsigned unanchored_max;            /* leaves that no anchor covers yet, beyond which new
                                           licenses wait: 2 to 100000, default 128 */
    unsigned checkpoint_interval_ms;    /* 50 to 60000, default 1000: at most so often one is
                                           signed */
    unsigned anchor_interval_s;         /* 1 to 3600, default 10: a leaf is anchored by then */
    unsigned disk_reserve_mb; /* MiB of the ledger's disk that what takes room leaves alone, 0 to
                                 1048576, default 256 */
};

/* [api]: provisiond */
struct config_api {
    char listen[CONFIG_PATH_MAX];      /* "address:port", default "[::]:8443"; port 0: any free */
    char certificate[CONFIG_PATH_MAX]; /* required: PEM chain of the server */
    char key[CONFIG_PATH_MAX];         /* required: PEM */
    char client_ca[CONFIG_PATH_MAX];   /* required: PEM, who signs station certificates */
    char client_crl[CONFIG_PATH_MAX];  /* PEM, revocation lists of the client CA; "" is none; read
                                          again when it changes */
    unsigned connections;              /* 1 to 65536, default 2048 */
    unsigned connections_per_address;  /* 1 to 65536, default 512 */
    unsigned handshakes_per_second;    /* of TLS, of one address; 1 to 100000, default 100 */
    unsigned requests_per_second; /* of one caller, in the long run; 1 to 100000, default 200 */
    unsigned request_burst;       /* that it may send at once; 1 to 100000, default 64 */
    unsigned requests_waiting;    /* of one caller, under way at once; 1 to 4096, default 64 */
    unsigned header_max_bytes;    /* request line and headers, 4096 to 262144, default 32768 */
    unsigned body_max_bytes;      /* of a JSON body but a batch, 1024 to 98304, default 98304 */
    unsigned batch_max_bytes;     /* of a batch's body, 1024 to 1048576, default 1048576 */
    unsigned bodies_max_bytes; /* of all bodies at once, 2097152 to 1073741824, default 67108864 */
    unsigned json_depth_max;   /* 4 to 8, default 8 */
    unsigned chain_max_certificates; /* of a client's TLS chain, 1 to 16, default 5 */
    unsigned receive_timeout_s;      /* from a request's headers to its last byte, 1 to 600,
                                        default 30 */
    unsigned idle_timeout_s;         /* 1 to 3600, default 60 */
    unsigned vault_timeout_ms;       /* 100 to 600000, default 10000 */
};

struct config {
    struct config_hsm hsm;
    struct config_vault vault;
    struct config_api api;
    enum log_level log_level; /* [log] level: debug, info (default), warning, error */
};

/* Which required keys are demanded: each program needs its own section only. */
enum config_program { CONFIG_HSM = 1, CONFIG_VAULT = 2, CONFIG_API = 3, CONFIG_CLI = 4 };

/*
 * Reads path. On ERR_CONFIG problem holds one line: "FILE:LINE: what is wrong; what to do". It may
 * quote the file, and the file holds no secret.
 */
enum error config_load(const char *path, enum config_program program, struct config *ret_config,
                       char problem[CONFIG_PROBLEM_MAX]) MUST_USE;

/*
 * Which keys differ that program takes at a start only: "[api] listen, [api] header_max_bytes" in
 * keys, "" for none; of very many the first.
 */
void config_restart_keys(const struct config *running, const struct config *fresh,
                         enum config_program program, char keys[CONFIG_PROBLEM_MAX]);

#endif
