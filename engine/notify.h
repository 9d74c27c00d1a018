#ifndef XRAT_ENGINE_NOTIFY_H
#define XRAT_ENGINE_NOTIFY_H
/* sd_notify(3), type notify-reload: tells whoever started us. Without $NOTIFY_SOCKET nothing happens. */
void notify_ready(void);
void notify_reloading(void);
void notify_refused(int error, const char *why); /* goes on as before; why: one line */
void notify_stopping(void);
#endif
