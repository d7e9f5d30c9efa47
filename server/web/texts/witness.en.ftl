# A second look from another cart or phone.
audited-witness-asked = Second person asked for at other machines
audited-witness-confirmed = Second person confirmed at another machine
audited-witness-declined = Second person declined at another machine
audited-witness-refused = Answer of a second person not accepted
event-witness-declined = Second person at another machine declined
event-witness-afar-refused = Confirmation from another machine not accepted
event-witness-refused = Whoever held the badge may not be a witness
discrepancy-unproven-witness = The server has no proof that the witness signed at the other machine
