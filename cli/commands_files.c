/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The commands that work on files, or on a module, and ask nobody. Owns no state. */
#include "cli/commands.h"

#include "cli/grant_form.h"

static const struct command COMMANDS[] = {
    {{"hsm check", "", 0, NULL,
      OPTIONS(OPTION_HSM_CONFIG, OPTION_MODULE, OPTION_TOKEN, OPTION_MODULE_ARGUMENTS,
              OPTION_PIN_FILE, OPTION_RUN_AS, OPTION_TRIAL_TIMEOUT, OPTION_NO_SPEEDS)},
     "try whether an HSM's module does what is needed",
     "Makes keys, licenses and images in the token as the server would, and says of each step\n"
     "whether it works, how fast, and what a refusal means; then whether the module serves\n"
     "governed products, local ones only (exit code 15), or none (16). Each step is a process of\n"
     "its own: one that hangs or crashes is told, and the others go on. The PIN is tried once.\n"
     "All that is made is destroyed again; other objects of the token are left alone.\n"
     "\n"
     "Without --module and --token it tries what --config names (default\n"
     "/etc/provisiond/provisiond.conf), and wants provision-hsm stopped. Needs no server.",
     command_hsm_check},
    {{"ca new", "", 0, OPTIONS(OPTION_NEW_DIR),
      OPTIONS(OPTION_CA_NAME, OPTION_DAYS, OPTION_SERVER)},
     "make a CA for stations and the server",
     "For a site without a PKI. Writes DIR/ca.key, for its owner alone, and DIR/ca.pem, never\n"
     "over files that are there; makes DIR when it is not there. The CA signs no other CA. --days\n"
     "is 3650 when it is not given. With --server also DIR/server.key and DIR/server.pem, for\n"
     "provisiond, as ca server makes them. The package looks for all in /etc/provisiond/pki.",
     command_ca_new},
    {{"ca server", "HOST[,HOST...]", 1, OPTIONS(OPTION_NEW_DIR),
      OPTIONS(OPTION_ISSUER, OPTION_ISSUER_KEY, OPTION_DAYS)},
     "make the server's certificate anew",
     "Makes a key and a certificate of the CA in DIR for the names and addresses by which "
     "stations\n"
     "reach provisiond, valid for 825 days when --days is not given, and no longer than the CA.\n"
     "They take the place of DIR/server.key and DIR/server.pem; provisiond reads them by itself.\n"
     "In a folder that hands on its group (setgid) that group may read the key.",
     command_ca_server},
    {{"grant new", "", 0, OPTIONS(GRANT_FORM_REQUIRED), OPTIONS(GRANT_FORM_OPTIONAL)},
     "write a document to be signed",
     "Beside --kind, --product, --site, --hsm and --out, and --not-before and --not-after:\n"
     "  install, scrap, revoke  --units [--lot]\n"
     "  policy                  --sequence --anchors --authorities --threshold [what product\n"
     "                          create takes, but --quota]\n"
     "  rebind                  --sequence --serial --old-key --new-key\n"
     "  standby                 --sequence --standby --transport-key [--withdraw]\n"
     "  override                --anchor --head, as provctl status shows them\n"
     "\n"
     "A policy replaces the one before as a whole; that of sequence 1 makes the product. Prints\n"
     "how the officers sign FILE with openssl; nothing of ours is needed for it.",
     command_grant_new},
    {{"grant inspect", "FILE", 1, NULL, OPTIONS(OPTION_AUTHORITIES, OPTION_THRESHOLD)},
     "show what a document says and who signed it",
     "FILE may be signed or not yet. With --authorities and --threshold the signatures are\n"
     "checked, and it fails unless enough of them signed.",
     command_grant_inspect},
    {{"image seal", "FIRMWARE", 1, OPTIONS(OPTION_SEAL_KEY, OPTION_PRODUCT, OPTION_OUT),
      OPTIONS(OPTION_FORMAT, OPTION_CONTENT, OPTION_LABEL, OPTION_OPTION_BYTES, OPTION_ADDRESS,
              OPTION_EXTERNAL_FROM, OPTION_AUTHORITIES, OPTION_THRESHOLD)},
     "encrypt a firmware at home, for one site's HSM",
     "On the maker's own machine: needs no HSM and no service. FILE is a package that provctl "
     "image\n"
     "import takes at the site, for that product alone; the key of the image is in it, wrapped "
     "for\n"
     "the HSM whose transport key was given, and goes nowhere else. Prints the image's digest, "
     "and\n"
     "whom it was packed for. --format is cms when it is not given; the options of st-sfi are "
     "those\n"
     "of image encrypt. With --authorities and --threshold, those of the product's first policy, "
     "only\n"
     "the product that they govern can have it.",
     command_image_seal},
    {{"mcuboot attach", "IMAGE LICENSE", 2, OPTIONS(OPTION_OUT), NULL},
     "put a device's license into an MCUboot image",
     "IMAGE is the encrypted image as stations get it, LICENSE the one of a device: FILE is the\n"
     "image that this device boots. A boot loader checks hash and signature as ever.",
     command_mcuboot_attach},
    {{"journal verify", "FILE", 1, OPTIONS(OPTION_PUBLIC_KEY),
      OPTIONS(OPTION_SINCE, OPTION_RECEIPT, OPTION_CHALLENGE, OPTION_AUTHORITIES,
              OPTION_THRESHOLD)},
     "judge an exported journal by a public key",
     "--key is the first checkpoint key; later ones are followed in the leaves. A later one will "
     "do.\n"
     "Checks hashes, signatures, order, the signed documents, and that licenses, charges and the\n"
     "ledger's rows agree. Fails when anything does not hold, and says what is proven and what is\n"
     "not. --since (an older checkpoint or export), --receipt (one, or a JSON array of them) and\n"
     "--challenge are what you hold yourself; --authorities and --threshold are those that a\n"
     "governed product must have been made by.",
     command_journal_verify},
    {{"reconcile", "FILE", 1, OPTIONS(OPTION_MES),
      OPTIONS(OPTION_UNREPORTED_HOURS, OPTION_SHIFT, OPTION_REISSUE_PERCENT, OPTION_CSV)},
     "compare it with the list of what was shipped",
     "Sums by product, lot and day, and what looks wrong. The list is CSV with the columns\n"
     "product, serial or device (SHA-256 of its key), shipped (2026-11-27) and, if you like, lot;\n"
     "others are passed over. Believes FILE: verify it first.",
     command_reconcile},
    {{"restore", "", 0,
      OPTIONS(OPTION_BACKUP_IN, OPTION_BACKUP_CERT, OPTION_BACKUP_KEY, OPTION_RESTORE_TO),
      OPTIONS(OPTION_CHECKPOINT_KEY)},
     "open a backup into a new folder and check it",
     "Checks every file by its digest, the ledger's tables, each leaf of the journal against its\n"
     "tree and its checkpoint, and that all images are there; with --checkpoint-key also that the\n"
     "HSM signed just this ledger, since whoever has the certificate can make a backup. DIR has "
     "its\n"
     "name only when all of it holds. Touches no running service; says what to do next.",
     command_restore},
};

const struct command_group FILE_COMMANDS = {
    "On files or a module alone (small sites, the maker's officers, auditors)", "", COMMANDS,
    sizeof COMMANDS / sizeof COMMANDS[0]};
