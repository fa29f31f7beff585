/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From a module's path to a logged-in session. libp11 loads and finalises the module and finds the
 * slots. Login is the module's own C_Login: libp11's would keep the PIN on its heap, opens sessions
 * that wait for ever when the token refuses them, and hides the exact return value.
 */
#include "hsm/p11.h"

#include <dlfcn.h>
#include <string.h>

#include <libp11.h>
#include <openssl/err.h>

#include "hsm/ckr.h"

enum error p11_fail(struct p11 *p11, CK_RV rv, struct fault *fault)
{
    const struct ckr_meaning *meaning = ckr_meaning(rv);
    ERR_clear_error(); /* a module may share our libcrypto and leave its errors behind */
    if (meaning->action == CKR_REPLACE)
        p11->is_unfit = true;
    if (meaning->action == CKR_FORGET)
        p11->is_stale = true;
    return fault_set(fault, meaning->code, meaning->reason, meaning->detail, (long)rv);
}

static long last_libp11_error(void)
{
    long code = ERR_GET_REASON(ERR_peek_last_error());
    ERR_clear_error();
    return code;
}

static enum error get_function_list(struct p11 *p11, const char *module, struct fault *fault)
{
    CK_C_GetFunctionList get_list = NULL;
    /* Never closed: the module stays mapped until the worker ends, whatever libp11 does. */
    void *library = dlopen(module, RTLD_NOW | RTLD_NOLOAD);
    if (library == NULL)
        library = dlopen(module, RTLD_NOW);
    void *symbol = library != NULL ? dlsym(library, "C_GetFunctionList") : NULL;
    memcpy(&get_list, &symbol, sizeof get_list); /* the POSIX way from object to function */
    if (get_list == NULL || get_list(&p11->call) != CKR_OK)
        return fault_set(fault, ERR_HSM_UNAVAILABLE, "module-not-loadable",
                         "The file of [hsm] module has no function list: name the vendor's PKCS#11 "
                         "library itself.",
                         0);
    return ERR_OK;
}

static enum error load_module(struct p11 *p11, const struct p11_options *options,
                              struct fault *fault)
{
    PKCS11_CTX *context = PKCS11_CTX_new();
    if (context == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (options->arguments[0] != '\0')
        PKCS11_CTX_init_args(context, options->arguments);
    if (PKCS11_CTX_load(context, options->module) != 0) {
        PKCS11_CTX_free(context);
        return fault_set(
            fault, ERR_HSM_UNAVAILABLE, "module-not-loadable",
            "The PKCS#11 module cannot be loaded or refused to start: install what it needs beside "
            "it, and let the user of provision-hsm use its files and devices (drop-ins open them).",
            last_libp11_error());
    }
    p11->context = context;
    return get_function_list(p11, options->module, fault);
}

static PKCS11_SLOT *find_token(struct p11 *p11, const char *label)
{
    PKCS11_SLOT *slots = p11->slots;
    for (unsigned i = 0; i < p11->slot_count; i++) {
        const PKCS11_TOKEN *token = slots[i].token;
        if (token != NULL && token->label != NULL && strcmp(token->label, label) == 0)
            return &slots[i];
    }
    return NULL;
}

static void copy_text(char *out, size_t size, const char *text)
{
    size_t length = text != NULL ? strnlen(text, size - 1) : 0;
    if (length > 0)
        memcpy(out, text, length);
    out[length] = '\0';
}

static enum error refuse_pin(const char *reason, const char *detail, struct fault *fault)
{
    return fault_set(fault, ERR_HSM_PIN_REFUSED, reason, detail, 0);
}

/* What the token's flags say before the PIN is spent on it. */
static enum error check_login(const PKCS11_TOKEN *token, const struct secret *pin,
                              struct fault *fault)
{
    if (!token->loginRequired)
        return ERR_OK;
    if (pin->length == 0)
        return refuse_pin("pin-missing", "The token asks for a PIN and none was given.", fault);
    if (token->userPinLocked)
        return refuse_pin("pin-locked",
                          "The token's PIN is locked, and only its security officer can unlock it.",
                          fault);
    if (token->userPinFinalTry)
        return refuse_pin("pin-final-try",
                          "One more wrong PIN would lock the token, so the PIN was not tried.",
                          fault);
    return ERR_OK;
}

static enum error select_token(struct p11 *p11, const struct p11_options *options,
                               const PKCS11_TOKEN **ret_token, struct fault *fault)
{
    PKCS11_SLOT *slots = NULL;
    if (PKCS11_enumerate_slots(p11->context, &slots, &p11->slot_count) != 0)
        return fault_set(fault, ERR_HSM_UNAVAILABLE, "slots-unreadable",
                         "The PKCS#11 module cannot list its slots: is the device plugged in, and "
                         "does the vendor's own tool see it?",
                         last_libp11_error());
    p11->slots = slots;
    const PKCS11_SLOT *slot = find_token(p11, options->token);
    if (slot == NULL)
        return fault_set(
            fault, ERR_HSM_UNAVAILABLE, "token-not-found",
            "No slot holds a token of the label in [hsm] token: is the device plugged in, "
            "is the label right (`pkcs11-tool --list-token-slots`), may this user "
            "write SoftHSM's token?",
            0);
    p11->slot = PKCS11_get_slotid_from_slot((PKCS11_SLOT *)(uintptr_t)slot);
    p11->needs_login = slot->token->loginRequired;
    copy_text(p11->label, sizeof p11->label, slot->token->label);
    copy_text(p11->serial, sizeof p11->serial, slot->token->serialnr);
    copy_text(p11->model, sizeof p11->model, slot->token->model);
    if (options->serial[0] != '\0' && strcmp(options->serial, p11->serial) != 0)
        return fault_set(
            fault, ERR_HSM_UNAVAILABLE, "token-other",
            "A token of this label is there, but with another serial number than the one "
            "that served until now. Put that one back, or restart provision-hsm to go on "
            "with this one.",
            0);
    *ret_token = slot->token;
    return ERR_OK;
}

static enum error open_session(struct p11 *p11, struct fault *fault)
{
    CK_RV rv = p11->call->C_OpenSession(p11->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                        &p11->session);
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}

static enum error log_in(struct p11 *p11, const struct p11_options *options,
                         const struct secret *pin, struct fault *fault)
{
    CK_RV rv = CKR_OK;
    if (!p11->needs_login)
        return ERR_OK;
    options->note_login(options->context, false);
    rv = p11->call->C_Login(p11->session, CKU_USER, pin->bytes, (CK_ULONG)pin->length);
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
        return p11_fail(p11, rv, fault);
    options->note_login(options->context, true);
    return ERR_OK;
}

enum error p11_find_token(struct p11 *p11, const struct p11_options *options,
                          const struct secret *pin, struct fault *fault)
{
    const PKCS11_TOKEN *token = NULL;
    enum error e = load_module(p11, options, fault);
    if (e == ERR_OK)
        e = select_token(p11, options, &token, fault);
    if (e == ERR_OK)
        e = check_login(token, pin, fault);
    ERR_clear_error();
    return e;
}

enum error p11_reach(struct p11 *p11, const struct p11_options *options, struct fault *fault)
{
    const PKCS11_TOKEN *token = NULL;
    CK_OBJECT_HANDLE handle;
    struct p11_found found = {.handles = &handle, .max = 1};
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}};
    struct fault ignored;
    enum error e = load_module(p11, options, fault);
    if (e == ERR_OK)
        e = select_token(p11, options, &token, fault);
    if (e == ERR_OK)
        e = open_session(p11, fault);
    if (e == ERR_OK) /* a token may want the login first: that is an answer, too */
        (void)!p11_find(p11, template, 1, &found, &ignored);
    ERR_clear_error();
    return e;
}

void p11_note_progress(const struct p11 *p11)
{
    if (p11->note_progress != NULL)
        p11->note_progress(p11->progress_context);
}

enum error p11_open(struct p11 *p11, const struct p11_options *options, const struct secret *pin,
                    struct fault *fault)
{
    enum error e = p11_find_token(p11, options, pin, fault);
    p11->note_progress = options->note_progress;
    p11->progress_context = options->context;
    p11_note_progress(p11);
    if (e == ERR_OK)
        e = open_session(p11, fault);
    p11_note_progress(p11);
    if (e == ERR_OK)
        e = log_in(p11, options, pin, fault);
    ERR_clear_error();
    return e;
}

void p11_close(struct p11 *p11)
{
    if (p11->session != CK_INVALID_HANDLE)
        (void)p11->call->C_CloseSession(p11->session);
    if (p11->slots != NULL)
        PKCS11_release_all_slots(p11->context, p11->slots, p11->slot_count);
    if (p11->context != NULL) {
        PKCS11_CTX_unload(p11->context);
        PKCS11_CTX_free(p11->context);
    }
    *p11 = (struct p11){0};
}

/* Fixed-width, blank-padded text of PKCS#11 against our own. */
static bool is_padded_text(const unsigned char *padded, size_t width, const char *text)
{
    size_t length = strlen(text);
    if (length > width || memcmp(padded, text, length) != 0)
        return false;
    while (length < width && (padded[length] == ' ' || padded[length] == '\0'))
        length++;
    return length == width;
}

enum error p11_check(struct p11 *p11, struct fault *fault)
{
    CK_SESSION_INFO session;
    CK_TOKEN_INFO token;
    CK_RV rv = p11->call->C_GetSessionInfo(p11->session, &session);
    if (rv == CKR_OK)
        rv = p11->call->C_GetTokenInfo(p11->slot, &token);
    if (rv == CKR_OK && p11->needs_login && session.state != CKS_RW_USER_FUNCTIONS)
        rv = CKR_USER_NOT_LOGGED_IN;
    if (rv == CKR_OK &&
        (!is_padded_text(token.label, sizeof token.label, p11->label) ||
         !is_padded_text(token.serialNumber, sizeof token.serialNumber, p11->serial)))
        rv = CKR_TOKEN_NOT_PRESENT;
    return rv == CKR_OK ? ERR_OK : p11_fail(p11, rv, fault);
}
