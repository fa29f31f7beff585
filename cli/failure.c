/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The words of failures. Owns no state. */
#include "cli/failure.h"

#include <stdarg.h>
#include <string.h>

#include "cli/advice.h"
#include "cli/text.h"

static const struct {
    const char *sentence;
    const char *advice;
} WORDS[ERR_COUNT] = {
    [ERR_BAD_REQUEST] = {"The request is malformed", ""},
    [ERR_TOO_LARGE] = {"The request is too large", ""},
    [ERR_UNAUTHENTICATED] = {"The client certificate was not accepted",
                             "Check --cert and --key, and that the certificate is still valid."},
    [ERR_FORBIDDEN] = {"This caller may not do this",
                       "Ask an administrator; provctl self shows what this caller may."},
    [ERR_PRODUCT_UNKNOWN] = {"There is no such product", "See provctl product list."},
    [ERR_IMAGE_UNKNOWN] = {"There is no such image", "See provctl image list."},
    [ERR_INSTALL_UNKNOWN] =
        {"There is no such install",
         "Use the id that provctl license printed, or see provctl install list."},
    [ERR_ROUTE_UNKNOWN] = {"The server does not know this address",
                           "Check --url; are the versions equal?"},
    [ERR_METHOD_NOT_ALLOWED] = {"The server does not do this at this address",
                                "Check --url; are the versions equal?"},
    [ERR_CONFLICT] = {"The thing exists already, or with another content", ""},
    [ERR_NOT_ACCEPTABLE] = {"The server cannot answer in this form", ""},
    [ERR_RANGE] = {"The byte range lies outside the content", ""},
    [ERR_MEDIA_TYPE] = {"The server does not take this kind of content",
                        "Check --url; are the versions equal?"},
    [ERR_GRANT_UNKNOWN] = {"There is no such document", "See provctl grant list."},
    [ERR_PRINCIPAL_UNKNOWN] = {"Nobody of this name is enrolled", "See provctl station list."},
    [ERR_DEVICE_NOT_GENUINE] = {"The device was refused: not proven genuine",
                                "Set this device aside."},
    [ERR_DEVICE_IDENTITY_CONFLICT] = {"The device was refused: its key or serial is known "
                                      "with another partner",
                                      "Set this device aside and tell the product's owner."},
    [ERR_DEVICE_SCRAPPED] = {"The device was refused: it is scrapped",
                             "A scrapped device stays scrapped."},
    [ERR_QUOTA_SPENT] = {"The quota of the product is spent",
                         "Ask the product's owner for more units."},
    [ERR_GRANT_REFUSED] = {"The signed document does not count here",
                           "Tell whoever signed it, word for word."},
    [ERR_ATTEMPTS_SPENT] = {"The device was asked for more often than its product allows",
                            "Set this device aside."},
    [ERR_BUDGET_SPENT] = {"This share of the product's quota is spent",
                          "Wait for its next period, or ask the administrator; see provctl budget "
                          "list."},
    [ERR_HSM_UNAVAILABLE] = {"The HSM cannot be used now", "Try again in a moment."},
    [ERR_VAULT_UNAVAILABLE] = {"The vault cannot be reached", "Try again in a moment."},
    [ERR_LEDGER_UNAVAILABLE] = {"The ledger cannot be used now", "Try again in a moment."},
    [ERR_BUSY] = {"The service is busy", "Try again in a moment."},
    [ERR_TIMEOUT] = {"No answer came in time", "Try again: a repeat costs nothing."},
    [ERR_LINK_CLOSED] = {"The connection was lost", "Try again: a repeat costs nothing."},
    [ERR_NOT_COVERED] = {"No checkpoint covers this yet", "Try again in a moment."},
    [ERR_RATE_LIMITED] = {"The server was asked too often", "Try again in a moment."},
    [ERR_NOT_INITIALISED] = {"The vault is not initialised", "Run provctl hsm init."},
    [ERR_HSM_PIN_REFUSED] = {"The HSM refused the PIN", "Correct it and restart provision-hsm."},
    [ERR_HSM_SWAPPED] = {"The HSM is not the one that this ledger belongs to",
                         "Connect the right HSM."},
    [ERR_HSM_KEY_WEAK] = {"A key in the HSM is weaker than the policy", ""},
    [ERR_HSM_KEY_MISSING] = {"A key is missing in the HSM", "Connect the right HSM."},
    [ERR_CONFIG] = {"The configuration is wrong", ""},
    [ERR_UNSUPPORTED] = {"This token or build cannot do this", ""},
    [ERR_ANCHOR_MISMATCH] = {"The journal is not the one that the HSM remembers",
                             "See provctl status."},
    [ERR_PRODUCT_TAMPERED] = {"The product is not as its signed documents say",
                              "See provctl product show."},
    [ERR_CLOCK_SET_BACK] = {"The server's clock was set back", "Set it right."},
    [ERR_INTERNAL] = {"Something went wrong inside the service", "See its log."},
};

static const char *word_or(const char *word, const char *otherwise)
{
    return word != NULL ? word : otherwise;
}

const char *failure_sentence(enum error code)
{
    return (unsigned)code < ERR_COUNT ? word_or(WORDS[code].sentence, "It failed") : "It failed";
}

const char *failure_advice(enum error code)
{
    return (unsigned)code < ERR_COUNT ? word_or(WORDS[code].advice, "") : "";
}

static void begin(struct failure *failure, enum error code, const char *advice)
{
    *failure = (struct failure){
        .code = code, .exit = exit_code_of(code), .is_retryable = error_is_retryable(code)};
    (void)snprintf(failure->advice, sizeof failure->advice, "%s", advice);
}

enum error failure_set(struct failure *failure, enum error code, const char *format, ...)
{
    va_list arguments;
    begin(failure, code, failure_advice(code));
    va_start(arguments, format);
    (void)vsnprintf(failure->what, sizeof failure->what, format, arguments);
    va_end(arguments);
    return code;
}

enum error failure_set_plain(struct failure *failure, enum error code, const char *format, ...)
{
    va_list arguments;
    begin(failure, code, "");
    va_start(arguments, format);
    (void)vsnprintf(failure->what, sizeof failure->what, format, arguments);
    va_end(arguments);
    return code;
}

enum error failure_set_usage(struct failure *failure, const char *format, ...)
{
    va_list arguments;
    begin(failure, ERR_BAD_REQUEST, "");
    failure->exit = EXIT_CODE_USAGE;
    va_start(arguments, format);
    (void)vsnprintf(failure->what, sizeof failure->what, format, arguments);
    va_end(arguments);
    return failure->code;
}

enum error failure_set_memory(struct failure *failure)
{
    return failure_set_plain(failure, ERR_INTERNAL, "There is not enough memory");
}

enum error failure_from_fault(struct failure *failure, const struct fault *fault)
{
    const char *what = fault->detail[0] != '\0' ? fault->detail : failure_sentence(fault->code);
    const char *advice = advice_for(fault->code, fault->reason);
    (void)failure_set(failure, fault->code, "%s", what);
    if (advice != NULL)
        (void)snprintf(failure->advice, sizeof failure->advice, "%s", advice);
    (void)snprintf(failure->check, sizeof failure->check, "%s", fault->reason);
    return fault->code;
}

void failure_set_retry_after(struct failure *failure, int64_t seconds)
{
    static const char soon[] = "Try again in a moment.";
    static const char repeat[] = "Try again: ";
    char when[TEXT_DURATION_SIZE];
    char advice[FAILURE_WHAT_MAX];
    const char *old = failure->advice;
    if (seconds <= 0)
        return;
    failure->retry_after_s = seconds;
    (void)text_duration(seconds, when);
    if (strcmp(old, soon) == 0)
        (void)snprintf(advice, sizeof advice, "Try again in %s.", when);
    else if (strncmp(old, repeat, sizeof repeat - 1) == 0)
        (void)snprintf(advice, sizeof advice, "Try again in %s: %.400s", when,
                       old + sizeof repeat - 1);
    else
        (void)snprintf(advice, sizeof advice, "%.400s%sTry again in %s.", old,
                       old[0] != '\0' ? " " : "", when);
    strcpy(failure->advice, advice);
}

static bool ends_sentence(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && strchr(".?!", text[length - 1]) != NULL;
}

void failure_print(const struct failure *failure, FILE *out)
{
    char what[2 * FAILURE_WHAT_MAX];
    char advice[2 * FAILURE_WHAT_MAX];
    char request_id[2 * FAILURE_REQUEST_ID_MAX];
    text_escape(failure->what, what, sizeof what);
    text_escape(failure->advice, advice, sizeof advice);
    text_escape(failure->request_id, request_id, sizeof request_id);
    (void)fprintf(out, "provctl: %s%s%s%s", what, ends_sentence(what) ? "" : ".",
                  advice[0] != '\0' ? " " : "", advice);
    if (request_id[0] != '\0')
        (void)fprintf(out, " (request %s)", request_id);
    (void)fputc('\n', out);
}

/* For a sentence that says by itself what to do, and for a code that leaves no more to say. */
static const char *advice_for_machines(const struct failure *failure)
{
    const char *advice = failure_advice(failure->code);
    if (failure->exit == EXIT_CODE_USAGE)
        return "See provctl help, or --help behind the command.";
    return advice[0] != '\0' ? advice : "Mend what the message names.";
}

/*
 * Message and advice of the object: a machine shows one without the other, so that what to do is
 * never empty. A sentence that says both is taken apart.
 */
static void split_advice(const struct failure *failure, char message[FAILURE_WHAT_MAX],
                         const char **ret_advice)
{
    const char *second = text_second_sentence(failure->what);
    const bool is_split = failure->advice[0] == '\0' && *second != '\0';
    size_t length = (size_t)(second - failure->what) - (is_split ? 1 : 0);
    (void)snprintf(message, FAILURE_WHAT_MAX, "%.*s", is_split ? (int)length : FAILURE_WHAT_MAX - 1,
                   failure->what);
    *ret_advice = is_split ? second : failure->advice;
    if ((*ret_advice)[0] == '\0')
        *ret_advice = advice_for_machines(failure);
}

/* A member with escaped text; false when memory is out. */
static bool add_text(json_t *object, const char *name, const char *text)
{
    char escaped[2 * FAILURE_WHAT_MAX];
    text_escape(text, escaped, sizeof escaped);
    return json_object_set_new(object, name, json_string(escaped)) == 0;
}

static json_t *number_or_null(int64_t number)
{
    return number > 0 ? json_integer(number) : json_null();
}

json_t *failure_to_json(const struct failure *failure)
{
    const char *code = failure->exit == EXIT_CODE_USAGE ? "usage" : error_name(failure->code);
    char message[FAILURE_WHAT_MAX];
    const char *advice = NULL;
    json_t *error = json_object();
    split_advice(failure, message, &advice);
    bool is_made =
        add_text(error, "code", code) && add_text(error, "message", message) &&
        add_text(error, "advice", advice) && add_text(error, "check", failure->check) &&
        add_text(error, "path", failure->path) &&
        json_object_set_new(error, "retryable", json_boolean(failure->is_retryable)) == 0 &&
        json_object_set_new(error, "retry_after", number_or_null(failure->retry_after_s)) == 0 &&
        add_text(error, "request_id", failure->request_id) &&
        json_object_set_new(error, "exit", json_integer((int)failure->exit)) == 0;
    if (is_made)
        return error;
    json_decref(error);
    return NULL;
}

void failure_print_json(const struct failure *failure, FILE *out)
{
    json_t *object = json_pack("{s:o}", "error", failure_to_json(failure));
    if (object == NULL)
        return;
    (void)json_dumpf(object, out, JSON_ENSURE_ASCII);
    (void)fputc('\n', out);
    json_decref(object);
}
