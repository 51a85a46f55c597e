/* The steps under the dispatcher lock, and deaths between any two of them.
 *
 * What is modelled: wait-all, pulse and mutants between three threads, each of a process of its own, beside fast paths that
 * need no lock; the journal (T1 to T6 of dispatch/evaluate.rs), the notes of mutants (dispatch/mutant.rs), withdrawal and refund
 * (dispatch/wait_list.rs), recovery (process/recover.rs) and what the reaper does for the dead (process/release.rs).
 * The thread VICTIM may be killed at any step, in the middle of a recovery too, and with two DEATHS the first reaper after it.
 *
 * What is left out: names and handles, the order among waiters, competition for a mutant (both in tests/models of the
 * kernel), spinning. Memory is sequentially consistent (for the rest see tests/orderings.rs of the kernel).
 *
 * SCENARIO: 1 wait-all, 2 mutants that are abandoned, 3 pulse. WITHOUT leaves an ingredient out; each must then be missed:
 * 1 the repetition of the journal, 2 the tag of a refund, 3 the refund, 4 the note of a mutant, 5 the second wake,
 * 6 the second evaluation, 7 the end of a pulse, 8 fast paths kept away from a pulsed event, 9 the flag before the look.
 */

#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef VICTIM
#define VICTIM 0
#endif
#ifndef WITHOUT
#define WITHOUT 0
#endif

#define THREADS 3
#define FIRST_REAPER 3

/* Objects, as bits of a mask: a semaphore, a mutant, a manual-reset event. */
#define S 1
#define M 2
#define E 4

/* Journal tags. */
#define COMPLETE 1
#define REFUND 2

/* progress */
#define IDLE 0
#define WAIT 1
#define SLEEP 2
#define DONE 3

/* The words. The mutant's: 0 free, 1 to 3 owner + 1, ABANDONED free and abandoned. */
#define ABANDONED 8
byte units;
byte mutant;
bit event;
/* HAS_WAITERS, of each object. */
byte flags;

/* The dispatcher lock: owner + 1. */
byte lock;

/* Wait records. */
byte progress[THREADS];
byte wants[THREADS];
bit took_abandoned[THREADS];
/* The wait lists: in which of them a thread stands. */
byte listed[THREADS];
/* Asleep on the futex. */
bit asleep[THREADS];
/* The note that the mutant may be ours. */
bit noted[THREADS];

/* The journal. */
byte journal;
byte journal_thread;
byte journal_units;
byte journal_mutant;
bit journal_abandoned;
bit pulse;

bit alive[5] = 1;
bit buried[THREADS];

/* Ghosts: what was given, what was taken, what was set after a pulse had released its setter. */
byte given;
byte taken;
bit set_again;

#define queued(p) (progress[p] == WAIT || progress[p] == SLEEP)
#define free (mutant == 0 || mutant == ABANDONED)
#define satisfied(p) (((wants[p] & S) == 0 || units > 0) && ((wants[p] & M) == 0 || free) && ((wants[p] & E) == 0 || event))
#define lists (listed[0] | listed[1] | listed[2])

#define waits_in_vain(t, mask) ((listed[t] & (mask)) && queued(t) && satisfied(t))

#define LOCALS byte p, wakes; bit got

/* Whoever waits for an object in no list any more: fast paths may go on. */
inline lower_flags(mask)
{
	atomic {
		flags = flags & (~(mask & ~lists & ~((pulse && WITHOUT != 8) -> E : 0)))
	}
}

inline unlink(t)
{
	listed[t] = 0;
	lower_flags(wants[t])
}

inline apply_journal()
{
	atomic {
		if
		:: wants[journal_thread] & S -> units = journal_units
		:: else
		fi
	}
	atomic {
		if
		:: wants[journal_thread] & M -> mutant = journal_mutant
		:: else
		fi
	}
	atomic {
		if
		:: journal == COMPLETE && (wants[journal_thread] & M) -> took_abandoned[journal_thread] = journal_abandoned
		:: else
		fi
	}
}

inline complete(t)
{
	atomic { /* T1: nobody reads it before T2 */
		journal_thread = t;
		journal_units = units - (((wants[t] & S) != 0) -> 1 : 0);
		journal_mutant = t + 1;
		journal_abandoned = (((wants[t] & M) != 0) && mutant == ABANDONED)
	}
	journal = COMPLETE; /* T2 */
	apply_journal(); /* T3 */
	atomic { /* T4 */
		wakes = wakes | ((progress[t] == SLEEP) -> 1 << t : 0);
		progress[t] = DONE
	}
	journal = 0; /* T5 */
	unlink(t) /* T6 */
}

inline evaluate(mask)
{
	do
	:: atomic { waits_in_vain(0, mask) -> p = 0 } complete(p)
	:: atomic { !waits_in_vain(0, mask) && waits_in_vain(1, mask) -> p = 1 } complete(p)
	:: atomic { !waits_in_vain(0, mask) && !waits_in_vain(1, mask) && waits_in_vain(2, mask) -> p = 2 } complete(p)
	:: atomic { !waits_in_vain(0, mask) && !waits_in_vain(1, mask) && !waits_in_vain(2, mask) -> p = 0; break }
	od
}

/* Whoever was told something, and may have missed the wake. */
inline wake_told()
{
	atomic {
		p = 0;
		do
		:: p < THREADS ->
			if
			:: progress[p] == DONE && alive[p] && WITHOUT != 5 -> wakes = wakes | (1 << p)
			:: else
			fi;
			p++
		:: else -> break
		od;
		p = 0
	}
}

inline recover()
{
#if WITHOUT == 1
	journal = 0;
#else
	if
	:: journal != 0 ->
		apply_journal();
		atomic {
			if
#if WITHOUT != 2
			:: journal == REFUND -> progress[journal_thread] = IDLE
#endif
			:: journal == COMPLETE && queued(journal_thread) -> progress[journal_thread] = DONE
			:: else
			fi
		}
		journal = 0
	:: else
	fi;
#endif
	atomic { /* lists and flags, from the records; nobody but the holder of the lock reads lists */
		p = 0;
		do
		:: p < THREADS ->
			listed[p] = ((queued(p) && !buried[p]) -> wants[p] : 0);
			flags = flags | listed[p];
			p++
		:: else -> break
		od;
		p = 0
	}
	lower_flags(S);
	lower_flags(M);
	lower_flags(E);
	if
	:: WITHOUT != 6 -> evaluate(S | M | E)
	:: else
	fi;
	if
	:: pulse ->
		if
		:: WITHOUT != 7 -> event = 0
		:: else
		fi;
		pulse = 0;
		lower_flags(E)
	:: else
	fi;
	wake_told()
}

inline acquire()
{
	if
	:: atomic { lock == 0 -> lock = _pid + 1 }
	:: atomic { lock != 0 && !alive[lock - 1] -> lock = _pid + 1 }
		recover()
	fi
}

inline release()
{
	lock = 0;
	do
	:: atomic { wakes & 1 -> asleep[0] = 0; wakes = wakes & ~1 }
	:: atomic { !(wakes & 1) && (wakes & 2) -> asleep[1] = 0; wakes = wakes & ~2 }
	:: atomic { wakes == 4 -> asleep[2] = 0; wakes = 0 }
	:: wakes == 0 -> break
	od
}

inline withdraw(t)
{
	progress[t] = IDLE;
	unlink(t)
}

inline refund(t)
{
	flags = flags | wants[t];
	atomic {
		journal_thread = t;
		journal_units = units + (((wants[t] & S) != 0) -> 1 : 0);
		journal_mutant = ((mutant != t + 1) -> mutant : (took_abandoned[t] -> ABANDONED : 0))
	}
	journal = REFUND;
	apply_journal();
	progress[t] = IDLE;
	journal = 0;
	evaluate(wants[t]);
	lower_flags(wants[t])
}

/* The result of a wait is ours: the ghost counts it in the step that makes it so. */
inline acknowledge()
{
	atomic {
		if
		:: wants[_pid] & M -> noted[_pid] = 1
		:: else
		fi
	}
	atomic {
		taken = taken + (((wants[_pid] & S) != 0) -> 1 : 0);
		progress[_pid] = IDLE;
		got = 1
	}
}

/* A wait that needs the lock. With may_end it may time out, or be satisfied, as long as it sleeps. */
inline wait_slow(mask, may_end)
{
	acquire();
	atomic { wants[_pid] = mask; took_abandoned[_pid] = 0; progress[_pid] = WAIT }
	if
	:: WITHOUT != 9 ->
		flags = flags | ((mask) & (S | E));
		flags = flags | (mask)
	:: else
	fi;
	if
	:: satisfied(_pid) -> complete(_pid)
	:: else ->
		if
		:: WITHOUT == 9 -> flags = flags | mask
		:: else
		fi;
		listed[_pid] = mask
	fi;
	release();
	do
	:: progress[_pid] == DONE -> acknowledge(); break
	:: atomic { progress[_pid] == WAIT -> progress[_pid] = SLEEP }
	:: atomic { progress[_pid] == SLEEP -> asleep[_pid] = 1 }
		if
		:: !asleep[_pid]
		:: may_end ->
			asleep[_pid] = 0;
			acquire();
			if
			:: queued(_pid) -> withdraw(_pid); release(); break
			:: else -> release()
			fi
		fi
	od
}

inline take_mutant()
{
	if
	:: WITHOUT != 4 -> noted[_pid] = 1
	:: else
	fi;
	if
	:: atomic { !(flags & M) && free -> mutant = _pid + 1 }
		noted[_pid] = 1;
		got = 1
	:: (flags & M) || !free -> wait_slow(M, 0)
	fi
}

inline free_mutant()
{
	if
	:: atomic { !(flags & M) -> mutant = 0 }
	:: (flags & M) ->
		acquire();
		mutant = 0;
		if
		:: flags & M -> evaluate(M)
		:: else
		fi;
		release()
	fi;
	got = 0
}

inline give_unit()
{
	if
	:: atomic { !(flags & S) -> units++; given++ }
	:: (flags & S) ->
		acquire();
		atomic { units++; given++ }
		if
		:: flags & S -> evaluate(S)
		:: else
		fi;
		release()
	fi
}

inline set_event()
{
	if
	:: atomic { !(flags & E) -> event = 1; set_again = 1 }
	:: (flags & E) ->
		acquire();
		atomic { event = 1; set_again = 1 }
		if
		:: flags & E -> evaluate(E)
		:: else
		fi;
		release()
	fi
}

inline pulse_event()
{
	acquire();
	pulse = 1;
	event = 1;
	evaluate(E);
	event = 0;
	pulse = 0;
	lower_flags(E);
	release()
}

active [THREADS] proctype Thread() provided (alive[_pid])
{
	LOCALS;
#if SCENARIO == 1
	if
	:: _pid == 0 -> wait_slow(S | M, 0); free_mutant()
	:: _pid == 1 ->
		wait_slow(S | M, DEATHS == 0);
		if
		:: got -> free_mutant()
		:: else
		fi
	:: _pid == 2 -> take_mutant(); give_unit(); free_mutant(); give_unit()
	fi
#elif SCENARIO == 2
	if
	:: _pid == 2 /* two are enough */
	:: else -> take_mutant(); free_mutant()
	fi
#else
	if
	:: _pid == 2 -> (listed[0] | listed[1]); pulse_event()
	:: else ->
		wait_slow(E, 0);
		if
		:: set_event()
		:: skip
		fi
	fi
#endif
}

inline bury(t)
{
	acquire();
	if
	:: queued(t) -> withdraw(t)
	:: progress[t] == DONE && WITHOUT != 3 -> refund(t)
	:: else
	fi;
	if
	:: noted[t] || (wants[t] & M) ->
		if
		:: atomic { mutant == t + 1 -> mutant = ABANDONED }
			if
			:: flags & M -> evaluate(M)
			:: else
			fi
		:: else
		fi
	:: else
	fi;
	atomic { noted[t] = 0; wants[t] = 0; buried[t] = 1 }
	wake_told();
	release()
}

/* The second is elected when the first dies. */
active [2] proctype Reaper() provided (alive[_pid])
{
	LOCALS;
	if
	:: _pid == FIRST_REAPER
	:: else ->
		!alive[FIRST_REAPER];
		acquire(); /* to bury the first, whose process may have died with the lock */
		wake_told();
		release()
	fi;
	do
	:: !alive[0] && !buried[0] -> bury(0)
	:: !alive[1] && !buried[1] -> bury(1)
	:: !alive[2] && !buried[2] -> bury(2)
	od
}

active proctype Death()
{
	byte left = DEATHS;
	do
	:: left > 0 && alive[VICTIM] -> atomic { alive[VICTIM] = 0; left-- }
	:: left > 0 && !alive[VICTIM] && alive[FIRST_REAPER] -> atomic { alive[FIRST_REAPER] = 0; left-- }
	:: break
	od
}

#define rests(p) (!alive[p] && buried[p] || alive[p] && (progress[p] == IDLE || queued(p) && !satisfied(p)))

/* Nothing can go on: then it must be for want of signals. */
active proctype Judge()
{
	timeout;
	assert(lock == 0 && journal == 0 && pulse == 0);
	assert(rests(0) && rests(1) && rests(2));
	assert(flags == lists);
	assert(free);
	assert(units + taken == given);
#if SCENARIO == 3
	assert(event == set_again)
#endif
}
