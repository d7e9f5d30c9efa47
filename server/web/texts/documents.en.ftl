menu-documents = Forms (PDF)
documents-text = The forms of the medication record as PDF files with a code to look them up, and with a digital signature where the hospital set one up. Open a patient or a ward to make a new one.
documents-of-ward = Forms of a ward
documents-no-ward = You belong to no ward yet.
documents-issued = Issued
documents-none = No form yet.
documents-of = Forms of { $name }
documents-make = Make a new one
document-make = Make the form
documents-make-each = Make it for all { $n } patients
documents-each = One form for each patient ({ $n } patients)
documents-each-text = They are made one after the other; you may leave this page and come back.
documents-nobody = Nobody is in this ward.
documents-progress = { $done } of { $of } forms made
documents-making = They are being made…
documents-cut = The server stopped on the way. The forms below hold; make those that are missing again.
documents-failed = { $n } forms could not be made:
documents-print-all = Open all of them in one file to print
documents-print-all-text = The joined file is for printing only; the signatures are in the single files.
document-form = Form
document-about = About
document-period = Period
document-made = Issued at
document-version = Issue number
document-pages = { $n ->
    [one] { $n } page
   *[other] { $n } pages
}
document-code = Code
document-of-moment = as things stood then
document-whole-stay = From the first record of the stay until now.
document-now = As things stand now.
document-signed = signed
document-unsigned = Not signed
document-signatures = Digital signatures
document-open = Open the PDF to print
document-not-kept = The time for which the file is kept is over. Make a new one if you need it.
document-issued = The form is issued. Open the PDF to see and print it.
document-newer = See the newer issue
document-withdraw = Withdraw this form
document-withdrawn = It is withdrawn. Whoever looks this code up sees that the form no longer holds.
document-look-up = Look up a form
document-public-text = This page shows nothing about the patient. Staff with the right to it sign in to see and compare the whole form.
document-state-issued = Issued
document-state-current = Genuine, and it holds
document-state-current-text = This hospital issued the form, and it still says what the electronic record says.
document-state-of-moment = Genuine, as things stood then
document-state-of-moment-text = This hospital issued the form. It says how things stood when it was made; they may be different now.
document-state-changed = Genuine, but the record has changed
document-state-changed-text = This hospital issued the form, but the record was added to or corrected since. Ask for a new one.
document-state-replaced = Replaced
document-state-replaced-text = This hospital issued the form, but a newer one took its place. Do not use this one.
document-state-withdrawn = Withdrawn
document-state-withdrawn-text = This hospital issued the form, but withdrew it. It does not hold.
document-state-unknown = Not found
document-state-unknown-text = This hospital issued no form with this code. Type the code again; if it is as on the paper, the paper is not this hospital's.
document-fault-press = The form could not be made, and nothing was issued. Try a shorter period, or tell an administrator.
document-fault-press-busy = Other forms are being made. Try again in a minute.
document-fault-signing = The form could not be signed, so it was not issued. Try again, or tell an administrator to look at the signer.
document-fault-remote-signer = The signing provider does not answer, so the form was not issued. Try again later.
document-fault-config = The hospital's settings for forms have a fault, so nothing was issued. Tell an administrator.
audited-document-issue = Issued a form
audited-document-withdraw = Withdrew a form
audited-document-batch = Made forms for a whole ward
audited-view-document = Looked at a form
document-book = The book (PDF)
document-handover = Handover form (PDF)
help-documents-for = The forms of the medication record as PDF files: making, opening to print, looking up, withdrawing.
help-documents-next =
    Choose the form and its days and make it; open the PDF, check the patient's name, then print.
    If the record is corrected after printing, make a new one: the old one says by itself that it changed when it is looked up.
    What was printed by mistake is withdrawn with a reason (charge nurse, pharmacist).
help-document-look-for = Says whether this hospital issued a paper, and whether it still says what the record says.
help-document-look-next =
    Compare the code on the screen with the one on the paper.
    If it says changed, replaced or withdrawn: do not use the paper, ask for a new one.
