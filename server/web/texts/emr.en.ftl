tile-emr-late = records have waited more than five minutes for the EMR
emr-late = A record has waited { $age } for the EMR: see why, and tell IT when the EMR is down. What was given stays recorded.
emr-reasons = Why records are kept back
emr-one-by-one = Look for each of them in the EMR before it is sent again: sent together they might be doubled.
requeue-all = Send { $count } again
requeue-all-rebuild = Rebuild and send
done-requeue-all = { $count ->
    [0] There was nothing to send again.
    [one] One record is sent again.
   *[other] { $count } records are sent again.
 }
emr-kind-device = cart { $cart }
emr-kind-blocked = dose that was stopped, not given
emr-fault-none = Nobody said why.
emr-fault-other = Another reason ({ $reason }).
emr-fault-emr-unavailable = The EMR is not reached; it is tried again by itself.
emr-fault-emr-unclear = The EMR refused it and did not say what is wrong.
emr-fault-emr-outcome-unknown = Nobody knows whether the EMR has it: look there before it is sent again.
emr-fault-emr-sending = The server stopped while it was on its way: nobody knows whether the EMR has it.
emr-fault-emr-rejected = The EMR does not take this record.
emr-fault-emr-bundle-invalid = What was built is not valid, so it was not sent.
emr-fault-emr-other-form = It was built for another EMR.
emr-fault-emr-start-missing = It waits for the record that it goes on with.
emr-fault-emr-missing = The EMR took it twice and does not hold it.
emr-fault-emr-several = The EMR holds it more than once: remove the wrong one there.
emr-fault-emr-not-taken = This EMR has no place for such a thing. It is not a dose.
emr-fault-emr-sign-in-refused = The EMR refuses this server's user name or password: tell IT.
emr-fault-quantity-unreadable = An amount cannot be written as the EMR wants it.
emr-fault-program-fault = A fault of this program: tell IT. The record is kept and tried again.
audited-emr-missing = Not found in the EMR
audited-emr-several = More than once in the EMR
