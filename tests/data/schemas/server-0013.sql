BEGIN TRANSACTION;
CREATE TABLE administrations (
	facility VARCHAR NOT NULL, 
	record_id VARCHAR NOT NULL, 
	ward VARCHAR NOT NULL, 
	cart VARCHAR NOT NULL, 
	cart_epoch VARCHAR NOT NULL, 
	cart_seq BIGINT NOT NULL, 
	patient VARCHAR NOT NULL, 
	mrn VARCHAR NOT NULL, 
	order_id VARCHAR, 
	order_version BIGINT, 
	due DATETIME, 
	action VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	status_reason VARCHAR, 
	product VARCHAR, 
	product_name VARCHAR, 
	dose VARCHAR, 
	lot VARCHAR, 
	serial VARCHAR, 
	route VARCHAR, 
	nurse VARCHAR NOT NULL, 
	witness VARCHAR, 
	effective_at DATETIME NOT NULL, 
	recorded_at DATETIME NOT NULL, 
	received_at DATETIME NOT NULL, 
	amends VARCHAR, 
	level VARCHAR NOT NULL, 
	overridden BOOLEAN NOT NULL, 
	server_level VARCHAR, 
	server_order VARCHAR, 
	server_verdict JSON, 
	document JSON NOT NULL, bag VARCHAR, continues VARCHAR, rate VARCHAR, site VARCHAR, prn_reason VARCHAR, effect VARCHAR, facts TEXT, 
	CONSTRAINT pk_administrations PRIMARY KEY (facility, record_id)
);
INSERT INTO "administrations" VALUES('h1','00000000-0000-4000-8000-000000000001','NOI-TH','c1','e1',1,'P1','24-000001','O1',1,'2026-03-02 01:00:00.000000','give','completed',NULL,'AMOX500','Amoxicillin 500 mg','500 mg','A1',NULL,'PO','N1',NULL,'2026-03-02 01:05:00.000000','2026-03-02 01:05:00.000000','2026-03-02 01:06:00.000000',NULL,'PASS',0,'PASS','O1','{"level": "PASS", "order": "O1", "order_version": 1, "due": "2026-03-02T01:00:00+00:00", "products": ["AMOX500"], "engine": "1.2.0", "policy": "default-7", "findings": []}','{"record_id": "00000000-0000-4000-8000-000000000001", "facility": "h1", "ward": "NOI-TH", "cart": "c1", "patient": "P1", "mrn": "24-000001", "order": "O1", "order_version": 1, "action": "give", "status": "completed", "status_reason": null, "reason_text": null, "product": "AMOX500", "product_name": "Amoxicillin 500 mg", "gtin": "08936000000011", "lot": "A1", "serial": null, "route": "PO", "site": null, "prn_reason": null, "nurse": "N1", "witness": null, "level": "PASS", "engine": "1.0.0", "policy": "default-7", "chart_version": 3, "online": true, "clock_offset_s": 0.0, "lease_fence": 1, "amends": null, "continues": null, "bag": null, "drop_factor": null, "effect": null, "clock_age_s": null, "due": "2026-03-02T01:00:00+00:00", "effective_at": "2026-03-02T01:05:00+00:00", "recorded_at": "2026-03-02T01:05:00+00:00", "clock_wall_at": null, "dose": "500 mg", "waste": null, "rate": null, "returned": null, "blind_value": null, "expiry": "2027-01-31", "findings": [], "scans": [{"identifier": "]d2", "text": "8018893600000000000019\u001d80191", "at": "2026-03-02T01:04:40+00:00", "keyed": false}, {"identifier": "]d2", "text": "010893600000001110A1\u001d17270131", "at": "2026-03-02T01:04:50+00:00", "keyed": false}]}',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "administrations" VALUES('h1','00000000-0000-4000-8000-000000000002','NOI-TH','c1','e1',2,'P2','24-000002','O2',1,'2026-03-02 01:00:00.000000','give','completed',NULL,'AMOX500','Amoxicillin 500 mg','500 mg','A1',NULL,'PO','N1',NULL,'2026-03-02 01:05:00.000000','2026-03-02 01:05:00.000000','2026-03-02 01:07:00.000000',NULL,'PASS',0,'PASS','O2','{"level": "PASS", "order": "O2", "order_version": 1, "due": "2026-03-02T01:00:00+00:00", "products": ["AMOX500"], "engine": "1.2.0", "policy": "default-7", "findings": []}','{"record_id": "00000000-0000-4000-8000-000000000002", "facility": "h1", "ward": "NOI-TH", "cart": "c1", "patient": "P2", "mrn": "24-000002", "order": "O2", "order_version": 1, "action": "give", "status": "completed", "status_reason": null, "reason_text": null, "product": "AMOX500", "product_name": "Amoxicillin 500 mg", "gtin": "08936000000011", "lot": "A1", "serial": null, "route": "PO", "site": null, "prn_reason": null, "nurse": "N1", "witness": null, "level": "PASS", "engine": "1.0.0", "policy": "default-7", "chart_version": 3, "online": true, "clock_offset_s": 0.0, "lease_fence": 1, "amends": null, "continues": null, "bag": null, "drop_factor": null, "effect": null, "clock_age_s": null, "due": "2026-03-02T01:00:00+00:00", "effective_at": "2026-03-02T01:05:00+00:00", "recorded_at": "2026-03-02T01:05:00+00:00", "clock_wall_at": null, "dose": "500 mg", "waste": null, "rate": null, "returned": null, "blind_value": null, "expiry": "2027-01-31", "findings": [], "scans": [{"identifier": "]d2", "text": "8018893600000000000026\u001d80191", "at": "2026-03-02T01:04:40+00:00", "keyed": false}, {"identifier": "]d2", "text": "010893600000001110A1\u001d17270131", "at": "2026-03-02T01:04:50+00:00", "keyed": false}]}',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0013');
CREATE TABLE allergies (
	facility VARCHAR(64) NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	substance VARCHAR(200) NOT NULL, 
	severity VARCHAR(16), 
	tolerated_before BOOLEAN NOT NULL, 
	CONSTRAINT pk_allergies PRIMARY KEY (facility, patient, kind, substance), 
	CONSTRAINT fk_allergies_facility_patient_patients FOREIGN KEY(facility, patient) REFERENCES patients (facility, id)
);
INSERT INTO "allergies" VALUES('h1','P1','ingredient','aspirin',NULL,0);
INSERT INTO "allergies" VALUES('h1','P2','ingredient','aspirin',NULL,0);
CREATE TABLE attempts (
	facility VARCHAR NOT NULL, 
	record_id VARCHAR NOT NULL, 
	ward VARCHAR NOT NULL, 
	cart VARCHAR NOT NULL, 
	patient VARCHAR, 
	order_id VARCHAR, 
	product VARCHAR, 
	nurse VARCHAR, 
	level VARCHAR NOT NULL, 
	rules JSON NOT NULL, 
	at DATETIME NOT NULL, 
	received_at DATETIME NOT NULL, 
	document JSON NOT NULL, facts TEXT, cart_epoch VARCHAR DEFAULT '' NOT NULL, cart_seq BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_attempts PRIMARY KEY (facility, record_id)
);
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	actor VARCHAR NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	subject VARCHAR NOT NULL, 
	detail JSON NOT NULL, roles VARCHAR DEFAULT '' NOT NULL, place VARCHAR DEFAULT '' NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,'h1','2026-03-02 01:05:00.000000','import','ward.open','ward/NOI-TH','{"before": null, "after": {"id": "NOI-TH", "name": "N\u1ed9i t\u1ed5ng h\u1ee3p", "timezone": "Asia/Ho_Chi_Minh"}}','','');
INSERT INTO "audit" VALUES(2,'h1','2026-03-02 01:05:00.000000','import','product.receive','product/AMOX500','{"gtin": "08936000000011", "before": null, "after": {"id": "AMOX500", "gtin": "08936000000011", "name": "Amoxicillin 500 mg", "form": "capsule", "routes": ["PO"], "ingredients": [{"name": "amoxicillin", "amount": "500 mg", "classes": ["penicillin"]}], "release": "immediate", "high_alert": 0, "controlled": "none"}}','','');
INSERT INTO "audit" VALUES(3,'h1','2026-03-02 01:05:00.000000','import','staff.receive','staff/D1','{"before": null, "after": {"id": "D1", "roles": ["prescriber"], "active": true, "licensed": true}, "also": ["name", "username", "email", "badge", "pin_hash"]}','','');
INSERT INTO "audit" VALUES(4,'h1','2026-03-02 01:05:00.000000','import','staff.receive','staff/PH1','{"before": null, "after": {"id": "PH1", "roles": ["pharmacist"], "active": true, "licensed": true}, "also": ["name", "username", "email", "badge", "pin_hash"]}','','');
INSERT INTO "audit" VALUES(5,'h1','2026-03-02 01:05:00.000000','import','staff.receive','staff/CN1','{"before": null, "after": {"id": "CN1", "roles": ["charge-nurse"], "active": true, "licensed": true}, "also": ["name", "username", "email", "badge", "pin_hash"]}','','');
INSERT INTO "audit" VALUES(6,'h1','2026-03-02 01:05:00.000000','import','staff.receive','staff/N1','{"before": null, "after": {"id": "N1", "roles": ["nurse"], "active": true, "licensed": true}, "also": ["name", "username", "email", "badge", "pin_hash"]}','','');
INSERT INTO "audit" VALUES(7,'h1','2026-03-02 01:05:00.000000','import','patient.receive','patient/P1','{"before": null, "after": {"id": "P1", "sex": "male", "ward": "NOI-TH", "bed": "H001", "status": "admitted", "bands": [{"gsrn": "893600000000000019", "srin": "1", "status": "active"}], "allergies": [{"substance": "aspirin", "kind": "ingredient"}]}, "also": ["mrn", "name", "birth_date"]}','','');
INSERT INTO "audit" VALUES(8,'h1','2026-03-02 01:05:00.000000','import','patient.receive','patient/P2','{"before": null, "after": {"id": "P2", "sex": "male", "ward": "NOI-TH", "bed": "H002", "status": "admitted", "bands": [{"gsrn": "893600000000000026", "srin": "1", "status": "active"}], "allergies": [{"substance": "aspirin", "kind": "ingredient"}]}, "also": ["mrn", "name", "birth_date"]}','','');
INSERT INTO "audit" VALUES(9,'h1','2026-03-02 01:05:00.000000','D1','order.place','order/O1','{"patient": "P1", "source": "local", "version": 1, "before": null, "after": {"id": "O1", "version": 1, "patient": "P1", "ingredient": "amoxicillin", "form": "capsule", "route": "PO", "category": "scheduled", "status": "active", "dose": "500 mg", "times": ["08:00:00", "20:00:00"], "start": "2026-02-28T01:05:00+00:00", "substitution": true, "display": "Amoxicillin 500 mg PO 08:00 20:00"}}','prescriber','');
INSERT INTO "audit" VALUES(10,'h1','2026-03-02 01:05:00.000000','D1','order.place','order/O2','{"patient": "P2", "source": "local", "version": 1, "before": null, "after": {"id": "O2", "version": 1, "patient": "P2", "ingredient": "amoxicillin", "form": "capsule", "route": "PO", "category": "scheduled", "status": "active", "dose": "500 mg", "times": ["08:00:00", "20:00:00"], "start": "2026-02-28T01:05:00+00:00", "substitution": true, "display": "Amoxicillin 500 mg PO 08:00 20:00"}}','prescriber','');
INSERT INTO "audit" VALUES(11,'h1','2026-03-02 01:05:00.000000','PH1','order.verified','order/O1','{"patient": "P1", "version": 1, "before": {"verification": "pending"}, "after": {"verification": "verified", "comment": null}}','pharmacist','');
INSERT INTO "audit" VALUES(12,'h1','2026-03-02 01:05:00.000000','PH1','order.verified','order/O2','{"patient": "P2", "version": 1, "before": {"verification": "pending"}, "after": {"verification": "verified", "comment": null}}','pharmacist','');
INSERT INTO "audit" VALUES(13,'h1','2026-03-02 01:06:00.000000','gateway','administration.record','administration/00000000-0000-4000-8000-000000000001','{"cart": "c1", "nurse": "N1", "witness": null, "patient": "P1", "order": "O1", "status": "completed", "level": "PASS", "discrepancies": [], "at": "2026-03-02T01:05:00+00:00"}','','');
INSERT INTO "audit" VALUES(14,'h1','2026-03-02 01:07:00.000000','gateway','administration.record','administration/00000000-0000-4000-8000-000000000002','{"cart": "c1", "nurse": "N1", "witness": null, "patient": "P2", "order": "O2", "status": "completed", "level": "PASS", "discrepancies": [], "at": "2026-03-02T01:05:00+00:00"}','','');
CREATE TABLE audit_checkpoints (
	facility VARCHAR(64) NOT NULL, 
	size BIGINT NOT NULL, 
	root VARCHAR(64) NOT NULL, 
	frontier JSON NOT NULL, 
	at DATETIME NOT NULL, 
	jws TEXT NOT NULL, 
	CONSTRAINT pk_audit_checkpoints PRIMARY KEY (facility, size)
);
CREATE TABLE audit_leaves (
	facility VARCHAR(64) NOT NULL, 
	place BIGINT NOT NULL, 
	audit_id INTEGER NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit_leaves PRIMARY KEY (facility, place), 
	CONSTRAINT uq_audit_leaves_audit_id UNIQUE (audit_id), 
	CONSTRAINT fk_audit_leaves_audit_id_audit FOREIGN KEY(audit_id) REFERENCES audit (id)
);
CREATE TABLE bags (
	facility VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	order_id VARCHAR(64) NOT NULL, 
	order_version BIGINT NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	printed JSON NOT NULL, 
	contents JSON NOT NULL, 
	use_by DATETIME, 
	started_at DATETIME, 
	ended_at DATETIME, 
	rate VARCHAR, 
	record_id VARCHAR, 
	changed_at DATETIME NOT NULL, 
	prepared_by VARCHAR(64) NOT NULL, 
	prepared_at DATETIME NOT NULL, 
	discarded_by VARCHAR(64), 
	discarded_at DATETIME, 
	reason TEXT, 
	CONSTRAINT pk_bags PRIMARY KEY (facility, id)
);
CREATE TABLE bands (
	facility VARCHAR(64) NOT NULL, 
	gsrn VARCHAR(18) NOT NULL, 
	srin VARCHAR(10) NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	status VARCHAR(16), 
	printed_at DATETIME, 
	CONSTRAINT pk_bands PRIMARY KEY (facility, gsrn, srin), 
	CONSTRAINT fk_bands_facility_patient_patients FOREIGN KEY(facility, patient) REFERENCES patients (facility, id)
);
INSERT INTO "bands" VALUES('h1','893600000000000019','1','P1','active','2026-03-02 01:05:00.000000');
INSERT INTO "bands" VALUES('h1','893600000000000026','1','P2','active','2026-03-02 01:05:00.000000');
CREATE TABLE cart_events (
	facility VARCHAR(64) NOT NULL, 
	cart VARCHAR(64) NOT NULL, 
	epoch VARCHAR(64) NOT NULL, 
	seq BIGINT NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	received_at DATETIME NOT NULL, 
	detail JSON NOT NULL, 
	CONSTRAINT pk_cart_events PRIMARY KEY (facility, cart, epoch, seq)
);
CREATE TABLE carts (
	facility VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	ward VARCHAR(64) NOT NULL, 
	phase VARCHAR(16) NOT NULL, 
	phase_at DATETIME, 
	sid VARCHAR(64) NOT NULL, 
	sid_at DATETIME, 
	last_seen_at DATETIME, 
	boot_id VARCHAR(64), 
	versions JSON NOT NULL, 
	hardware JSON NOT NULL, 
	telemetry JSON NOT NULL, 
	held JSON NOT NULL, 
	battery_percent FLOAT, 
	charging BOOLEAN, 
	chart_version BIGINT, 
	chart_age_s FLOAT, 
	unsent BIGINT, 
	clock_offset_s FLOAT, 
	mcu JSON, 
	event_epoch VARCHAR(64) NOT NULL, 
	event_upto BIGINT NOT NULL, 
	CONSTRAINT pk_carts PRIMARY KEY (facility, id)
);
CREATE TABLE conflicts_seen (
	facility VARCHAR(64) NOT NULL, 
	discrepancy INTEGER NOT NULL, 
	staff VARCHAR(64) NOT NULL, 
	cart VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_conflicts_seen PRIMARY KEY (facility, discrepancy, staff)
);
CREATE TABLE container_uses (
	facility VARCHAR NOT NULL, 
	gtin VARCHAR NOT NULL, 
	serial VARCHAR NOT NULL, 
	record_id VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	ward VARCHAR NOT NULL, 
	CONSTRAINT pk_container_uses PRIMARY KEY (facility, gtin, serial, record_id)
);
CREATE TABLE discrepancies (
	id INTEGER NOT NULL, 
	facility VARCHAR NOT NULL, 
	record_id VARCHAR NOT NULL, 
	code VARCHAR NOT NULL, 
	ward VARCHAR NOT NULL, 
	patient VARCHAR NOT NULL, 
	detail JSON NOT NULL, 
	state VARCHAR NOT NULL, 
	raised_at DATETIME NOT NULL, 
	resolved_by VARCHAR, 
	resolved_at DATETIME, 
	reason TEXT, 
	CONSTRAINT pk_discrepancies PRIMARY KEY (id)
);
CREATE TABLE drawer_assignments (
	facility VARCHAR(64) NOT NULL, 
	cart VARCHAR(64) NOT NULL, 
	drawer INTEGER NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_drawer_assignments PRIMARY KEY (facility, cart, drawer)
);
CREATE TABLE emergency_access (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	staff VARCHAR(64) NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	ward VARCHAR(64) DEFAULT '' NOT NULL, 
	code VARCHAR(64) NOT NULL, 
	reason TEXT NOT NULL, 
	opened_at DATETIME NOT NULL, 
	until DATETIME NOT NULL, 
	ended_at DATETIME, 
	place VARCHAR DEFAULT '' NOT NULL, 
	review_by DATETIME NOT NULL, 
	judged VARCHAR(16), 
	judged_by VARCHAR(64), 
	judged_at DATETIME, 
	comment TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_emergency_access PRIMARY KEY (id)
);
CREATE TABLE failed_sign_ins (
	facility VARCHAR(64) NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	failures INTEGER NOT NULL, 
	last_at DATETIME NOT NULL, 
	locked_until DATETIME, 
	CONSTRAINT pk_failed_sign_ins PRIMARY KEY (facility, subject)
);
CREATE TABLE known_browsers (
	browser VARCHAR(64) NOT NULL, 
	staff VARCHAR(64) NOT NULL, 
	seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_known_browsers PRIMARY KEY (browser, staff), 
	CONSTRAINT fk_known_browsers_staff_staff FOREIGN KEY(staff) REFERENCES staff (id)
);
CREATE TABLE lease_doubts (
	facility VARCHAR(64) NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	cart VARCHAR(64) NOT NULL, 
	nurse VARCHAR, 
	since DATETIME NOT NULL, 
	fence BIGINT NOT NULL, 
	waits JSON, 
	token VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_lease_doubts PRIMARY KEY (facility, patient, cart)
);
CREATE TABLE leases (
	facility VARCHAR(64) NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	cart VARCHAR(64), 
	until DATETIME, 
	fence BIGINT NOT NULL, nurse VARCHAR, 
	CONSTRAINT pk_leases PRIMARY KEY (facility, patient)
);
INSERT INTO "leases" VALUES('h1','P1','c1','2026-03-02 01:13:00.000000',1,NULL);
CREATE TABLE machine_certificates (
	facility VARCHAR(64) NOT NULL, 
	serial VARCHAR(64) NOT NULL, 
	machine VARCHAR(64) NOT NULL, 
	pem TEXT NOT NULL, 
	key_hash VARCHAR(64) NOT NULL, 
	issued_at DATETIME NOT NULL, 
	not_before DATETIME NOT NULL, 
	not_after DATETIME NOT NULL, 
	renews VARCHAR(64), 
	replaced_by VARCHAR(64), 
	replaced_at DATETIME, 
	revoked_at DATETIME, 
	revoked_by VARCHAR, 
	reason TEXT, 
	CONSTRAINT pk_machine_certificates PRIMARY KEY (facility, serial), 
	CONSTRAINT uq_machine_certificates_facility_key_hash UNIQUE (facility, key_hash), 
	CONSTRAINT uq_machine_certificates_facility_renews UNIQUE (facility, renews)
);
CREATE TABLE machine_claims (
	facility VARCHAR(64) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	machine VARCHAR(64) NOT NULL, 
	made_by VARCHAR NOT NULL, 
	made_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	used_at DATETIME, 
	key_hash VARCHAR(64), 
	serial VARCHAR(64), 
	CONSTRAINT pk_machine_claims PRIMARY KEY (facility, token_hash)
);
CREATE TABLE observation_records (
	facility VARCHAR NOT NULL, 
	record_id VARCHAR NOT NULL, 
	ward VARCHAR NOT NULL, 
	cart VARCHAR NOT NULL, 
	cart_epoch VARCHAR NOT NULL, 
	cart_seq BIGINT NOT NULL, 
	patient VARCHAR NOT NULL, 
	code VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	nurse VARCHAR NOT NULL, 
	received_at DATETIME NOT NULL, 
	doubt VARCHAR, 
	CONSTRAINT pk_observation_records PRIMARY KEY (facility, record_id)
);
CREATE TABLE observations (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	code VARCHAR(32) NOT NULL, 
	value VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	"by" VARCHAR(64), record_id VARCHAR, cart VARCHAR, 
	CONSTRAINT pk_observations PRIMARY KEY (id), 
	CONSTRAINT fk_observations_facility_patient_patients FOREIGN KEY(facility, patient) REFERENCES patients (facility, id)
);
CREATE TABLE opened_containers (
	facility VARCHAR NOT NULL, 
	gtin VARCHAR NOT NULL, 
	serial VARCHAR NOT NULL, 
	opened_at DATETIME NOT NULL, 
	record_id VARCHAR NOT NULL, 
	ward VARCHAR NOT NULL, 
	CONSTRAINT pk_opened_containers PRIMARY KEY (facility, gtin, serial)
);
CREATE TABLE order_questions (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	order_id VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	asked_by VARCHAR(64) NOT NULL, 
	asked_at DATETIME NOT NULL, 
	answer TEXT, 
	answered_by VARCHAR(64), 
	answered_at DATETIME, 
	CONSTRAINT pk_order_questions PRIMARY KEY (id), 
	CONSTRAINT fk_order_questions_facility_order_id_orders FOREIGN KEY(facility, order_id) REFERENCES orders (facility, id)
);
CREATE TABLE order_versions (
	facility VARCHAR(64) NOT NULL, 
	order_id VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	document TEXT NOT NULL, 
	action VARCHAR(16) NOT NULL, 
	reason TEXT, 
	"by" VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_order_versions PRIMARY KEY (facility, order_id, version), 
	CONSTRAINT fk_order_versions_facility_order_id_orders FOREIGN KEY(facility, order_id) REFERENCES orders (facility, id)
);
INSERT INTO "order_versions" VALUES('h1','O1',1,'{"additives":[],"category":"scheduled","clarification":"","counts_days":false,"days_of_week":[],"display":"Amoxicillin 500 mg PO 08:00 20:00","dosages":[],"dose":"500 mg","form":"capsule","id":"O1","ingredient":"amoxicillin","interactions":[],"needs_double_check":false,"own_supply":false,"patient":"P1","route":"PO","start":"2026-02-28T01:05:00.000000Z","status":"active","substitution":true,"time_critical":false,"times":["08:00","20:00"],"verified":false,"version":1}','placed',NULL,'D1','2026-03-02 01:05:00.000000');
INSERT INTO "order_versions" VALUES('h1','O2',1,'{"additives":[],"category":"scheduled","clarification":"","counts_days":false,"days_of_week":[],"display":"Amoxicillin 500 mg PO 08:00 20:00","dosages":[],"dose":"500 mg","form":"capsule","id":"O2","ingredient":"amoxicillin","interactions":[],"needs_double_check":false,"own_supply":false,"patient":"P2","route":"PO","start":"2026-02-28T01:05:00.000000Z","status":"active","substitution":true,"time_critical":false,"times":["08:00","20:00"],"verified":false,"version":1}','placed',NULL,'D1','2026-03-02 01:05:00.000000');
CREATE TABLE orders (
	facility VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	status VARCHAR(16), 
	verification VARCHAR(16) NOT NULL, 
	verification_version INTEGER NOT NULL, 
	verification_by VARCHAR(64), 
	verification_at DATETIME, 
	verification_comment TEXT, 
	source VARCHAR(16) NOT NULL, 
	emr_id VARCHAR(128), 
	clarification TEXT, 
	placed_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_orders PRIMARY KEY (facility, id), 
	CONSTRAINT fk_orders_facility_patient_patients FOREIGN KEY(facility, patient) REFERENCES patients (facility, id)
);
INSERT INTO "orders" VALUES('h1','O1','P1',1,'active','verified',1,'PH1','2026-03-02 01:05:00.000000',NULL,'local',NULL,NULL,'2026-03-02 01:05:00.000000','2026-03-02 01:05:00.000000');
INSERT INTO "orders" VALUES('h1','O2','P2',1,'active','verified',1,'PH1','2026-03-02 01:05:00.000000',NULL,'local',NULL,NULL,'2026-03-02 01:05:00.000000','2026-03-02 01:05:00.000000');
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	record_id VARCHAR NOT NULL, 
	cart VARCHAR NOT NULL, 
	ordering_key VARCHAR NOT NULL, 
	record JSON NOT NULL, 
	payload BLOB, 
	state VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	next_attempt_at DATETIME NOT NULL, 
	claimed_until DATETIME, 
	last_error TEXT, 
	last_error_code VARCHAR(64), 
	emr_id VARCHAR, 
	emr_version VARCHAR, 
	settled_at DATETIME, 
	told_at DATETIME, 
	CONSTRAINT pk_outbox PRIMARY KEY (id)
);
INSERT INTO "outbox" VALUES(1,'h1','administration','00000000-0000-4000-8000-000000000001','c1','00000000-0000-4000-8000-000000000001','{"record_id": "00000000-0000-4000-8000-000000000001", "facility": "h1", "ward": "NOI-TH", "cart": "c1", "patient": "P1", "mrn": "24-000001", "order": "O1", "order_version": 1, "action": "give", "status": "completed", "status_reason": null, "reason_text": null, "product": "AMOX500", "product_name": "Amoxicillin 500 mg", "gtin": "08936000000011", "lot": "A1", "serial": null, "route": "PO", "site": null, "prn_reason": null, "nurse": "N1", "witness": null, "level": "PASS", "engine": "1.0.0", "policy": "default-7", "chart_version": 3, "online": true, "clock_offset_s": 0.0, "lease_fence": 1, "amends": null, "continues": null, "bag": null, "drop_factor": null, "effect": null, "clock_age_s": null, "due": "2026-03-02T01:00:00+00:00", "effective_at": "2026-03-02T01:05:00+00:00", "recorded_at": "2026-03-02T01:05:00+00:00", "clock_wall_at": null, "dose": "500 mg", "waste": null, "rate": null, "returned": null, "blind_value": null, "expiry": "2027-01-31", "findings": [], "scans": [{"identifier": "]d2", "text": "8018893600000000000019\u001d80191", "at": "2026-03-02T01:04:40+00:00", "keyed": false}, {"identifier": "]d2", "text": "010893600000001110A1\u001d17270131", "at": "2026-03-02T01:04:50+00:00", "keyed": false}]}',NULL,'pending',0,'2026-03-02 01:06:00.000000','2026-03-02 01:06:00.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "outbox" VALUES(2,'h1','administration','00000000-0000-4000-8000-000000000002','c1','00000000-0000-4000-8000-000000000002','{"record_id": "00000000-0000-4000-8000-000000000002", "facility": "h1", "ward": "NOI-TH", "cart": "c1", "patient": "P2", "mrn": "24-000002", "order": "O2", "order_version": 1, "action": "give", "status": "completed", "status_reason": null, "reason_text": null, "product": "AMOX500", "product_name": "Amoxicillin 500 mg", "gtin": "08936000000011", "lot": "A1", "serial": null, "route": "PO", "site": null, "prn_reason": null, "nurse": "N1", "witness": null, "level": "PASS", "engine": "1.0.0", "policy": "default-7", "chart_version": 3, "online": true, "clock_offset_s": 0.0, "lease_fence": 1, "amends": null, "continues": null, "bag": null, "drop_factor": null, "effect": null, "clock_age_s": null, "due": "2026-03-02T01:00:00+00:00", "effective_at": "2026-03-02T01:05:00+00:00", "recorded_at": "2026-03-02T01:05:00+00:00", "clock_wall_at": null, "dose": "500 mg", "waste": null, "rate": null, "returned": null, "blind_value": null, "expiry": "2027-01-31", "findings": [], "scans": [{"identifier": "]d2", "text": "8018893600000000000026\u001d80191", "at": "2026-03-02T01:04:40+00:00", "keyed": false}, {"identifier": "]d2", "text": "010893600000001110A1\u001d17270131", "at": "2026-03-02T01:04:50+00:00", "keyed": false}]}',NULL,'pending',0,'2026-03-02 01:07:00.000000','2026-03-02 01:07:00.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE override_reviews (
	facility VARCHAR NOT NULL, 
	record_id VARCHAR NOT NULL, 
	"by" VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	comment TEXT NOT NULL, 
	CONSTRAINT pk_override_reviews PRIMARY KEY (facility, record_id), 
	CONSTRAINT fk_override_reviews_facility_record_id_administrations FOREIGN KEY(facility, record_id) REFERENCES administrations (facility, record_id)
);
CREATE TABLE patients (
	facility VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	mrn VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	birth_date DATE, 
	sex VARCHAR(16), 
	ward VARCHAR(64), 
	bed VARCHAR(32), 
	status VARCHAR(16), 
	transferred_at DATETIME, 
	allergies_known BOOLEAN NOT NULL, 
	emr_id VARCHAR(128), 
	encounter_emr_id VARCHAR(128), 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_patients PRIMARY KEY (facility, id)
);
INSERT INTO "patients" VALUES('h1','P1','24-000001','NGUYỄN VĂN 1','1958-04-11','male','NOI-TH','H001','admitted',NULL,1,NULL,NULL,'2026-03-02 01:05:00.000000');
INSERT INTO "patients" VALUES('h1','P2','24-000002','NGUYỄN VĂN 2','1958-04-11','male','NOI-TH','H002','admitted',NULL,1,NULL,NULL,'2026-03-02 01:05:00.000000');
CREATE TABLE policies (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	version VARCHAR(64) NOT NULL, 
	document TEXT NOT NULL, 
	"by" VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, ward VARCHAR(64) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_policies PRIMARY KEY (id)
);
CREATE TABLE policy_files (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	ward VARCHAR(64) NOT NULL, 
	version VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	drafted_by VARCHAR(64) NOT NULL, 
	drafted_at DATETIME NOT NULL, 
	approved_by VARCHAR(64), 
	approved_at DATETIME, 
	activated_by VARCHAR(64), 
	activated_at DATETIME, 
	retired_by VARCHAR(64), 
	retired_at DATETIME, 
	CONSTRAINT pk_policy_files PRIMARY KEY (id)
);
CREATE TABLE products (
	facility VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	gtin VARCHAR(14) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	form VARCHAR(32) NOT NULL, 
	document TEXT NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_products PRIMARY KEY (facility, id)
);
INSERT INTO "products" VALUES('h1','AMOX500','08936000000011','Amoxicillin 500 mg','capsule','{"blood_component":false,"controlled":"none","divisible":false,"form":"capsule","gtin":"08936000000011","high_alert":0,"hold":[],"id":"AMOX500","ingredients":[{"amount":"500 mg","classes":["penicillin"],"name":"amoxicillin"}],"lasa":[],"max_daily":[],"minibag":false,"multi_dose":false,"name":"Amoxicillin 500 mg","recalled_lots":[],"release":"immediate","routes":["PO"],"vinca":false}','2026-03-02 01:05:00.000000');
CREATE TABLE pump_readings (
	facility VARCHAR(64) NOT NULL, 
	pump VARCHAR(64) NOT NULL, 
	channel VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	bag VARCHAR(64), 
	patient VARCHAR(64), 
	associated_at DATETIME, 
	drug VARCHAR(200), 
	rate VARCHAR(64), 
	concentration VARCHAR(64), 
	told_at DATETIME, 
	CONSTRAINT pk_pump_readings PRIMARY KEY (facility, pump, channel)
);
CREATE TABLE recalls (
	id INTEGER NOT NULL, 
	facility VARCHAR NOT NULL, 
	product VARCHAR NOT NULL, 
	gtin VARCHAR NOT NULL, 
	lots JSON NOT NULL, 
	serials JSON NOT NULL, 
	reason TEXT NOT NULL, 
	"by" VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_recalls PRIMARY KEY (id)
);
CREATE TABLE record_sequences (
	facility VARCHAR(64) NOT NULL, 
	cart VARCHAR(64) NOT NULL, 
	epoch VARCHAR(64) NOT NULL, 
	upto BIGINT NOT NULL, 
	highest BIGINT NOT NULL, 
	told BIGINT NOT NULL, 
	missing JSON NOT NULL, 
	since DATETIME, 
	heard_at DATETIME NOT NULL, 
	replaced_at DATETIME, 
	CONSTRAINT pk_record_sequences PRIMARY KEY (facility, cart, epoch)
);
CREATE TABLE recovery_codes (
	id INTEGER NOT NULL, 
	staff VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	used_at DATETIME, 
	CONSTRAINT pk_recovery_codes PRIMARY KEY (id), 
	CONSTRAINT fk_recovery_codes_staff_staff FOREIGN KEY(staff) REFERENCES staff (id)
);
CREATE TABLE rejected_messages (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	topic VARCHAR(255) NOT NULL, 
	reason TEXT NOT NULL, 
	payload_start TEXT NOT NULL, 
	payload_bytes INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_rejected_messages PRIMARY KEY (id)
);
CREATE TABLE roles (
	id INTEGER NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	description VARCHAR(255), 
	CONSTRAINT pk_roles PRIMARY KEY (id), 
	CONSTRAINT uq_roles_name UNIQUE (name)
);
INSERT INTO "roles" VALUES(1,'prescriber',NULL);
INSERT INTO "roles" VALUES(2,'pharmacist',NULL);
INSERT INTO "roles" VALUES(3,'charge-nurse',NULL);
INSERT INTO "roles" VALUES(4,'nurse',NULL);
CREATE TABLE second_factors (
	staff VARCHAR(64) NOT NULL, 
	sealed TEXT NOT NULL, 
	drawn_at DATETIME NOT NULL, 
	confirmed_at DATETIME, 
	last_step BIGINT NOT NULL, 
	CONSTRAINT pk_second_factors PRIMARY KEY (staff), 
	CONSTRAINT fk_second_factors_staff_staff FOREIGN KEY(staff) REFERENCES staff (id)
);
CREATE TABLE sign_in_sessions (
	id VARCHAR(64) NOT NULL, 
	staff VARCHAR(64) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	started_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	factor_at DATETIME, 
	ended_at DATETIME, 
	address VARCHAR(64) NOT NULL, 
	agent VARCHAR(200) NOT NULL, 
	CONSTRAINT pk_sign_in_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sign_in_sessions_staff_staff FOREIGN KEY(staff) REFERENCES staff (id)
);
CREATE TABLE staff (
	id VARCHAR(64) NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	email VARCHAR(255) NOT NULL, 
	username VARCHAR(255), 
	name VARCHAR(200) NOT NULL, 
	password VARCHAR(255), 
	active BOOLEAN NOT NULL, 
	fs_uniquifier VARCHAR(64) NOT NULL, 
	badge VARCHAR(64), 
	pin_hash VARCHAR(255), 
	licensed BOOLEAN, 
	licence_number VARCHAR(64), 
	language VARCHAR(8), 
	valid_until DATETIME, 
	failed_sign_ins INTEGER NOT NULL, 
	locked_until DATETIME, 
	last_login_at DATETIME, must_change_password BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_staff PRIMARY KEY (id), 
	CONSTRAINT uq_staff_email UNIQUE (email), 
	CONSTRAINT uq_staff_fs_uniquifier UNIQUE (fs_uniquifier), 
	CONSTRAINT uq_staff_username UNIQUE (username)
);
INSERT INTO "staff" VALUES('D1','h1','d1@hospital.example','d1','Doctor',NULL,1,'cb0999f4cf4a40989b2a440f1322d7b8','BADGE:D1','$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA',1,NULL,NULL,NULL,0,NULL,NULL,0);
INSERT INTO "staff" VALUES('PH1','h1','ph1@hospital.example','ph1','Pharmacist',NULL,1,'74d3198bc633452badf3bd98362f360e','BADGE:PH1','$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA',1,NULL,NULL,NULL,0,NULL,NULL,0);
INSERT INTO "staff" VALUES('CN1','h1','cn1@hospital.example','cn1','Charge nurse',NULL,1,'3d0f75b3b7ca463eb7c8689d0d8d716c','BADGE:CN1','$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA',1,NULL,NULL,NULL,0,NULL,NULL,0);
INSERT INTO "staff" VALUES('N1','h1','n1@hospital.example','n1','Nurse',NULL,1,'b053e9f0b37a4c62a951255e49903d45','BADGE:N1','$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA',1,NULL,NULL,NULL,0,NULL,NULL,0);
CREATE TABLE staff_roles (
	staff VARCHAR(64) NOT NULL, 
	role INTEGER NOT NULL, 
	CONSTRAINT pk_staff_roles PRIMARY KEY (staff, role), 
	CONSTRAINT fk_staff_roles_role_roles FOREIGN KEY(role) REFERENCES roles (id), 
	CONSTRAINT fk_staff_roles_staff_staff FOREIGN KEY(staff) REFERENCES staff (id)
);
INSERT INTO "staff_roles" VALUES('D1',1);
INSERT INTO "staff_roles" VALUES('PH1',2);
INSERT INTO "staff_roles" VALUES('CN1',3);
INSERT INTO "staff_roles" VALUES('N1',4);
CREATE TABLE staff_wards (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	staff VARCHAR(64) NOT NULL, 
	ward VARCHAR(64) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	role VARCHAR(80), 
	valid_from DATETIME NOT NULL, 
	valid_to DATETIME, 
	added_by VARCHAR(64) NOT NULL, 
	added_at DATETIME NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_staff_wards PRIMARY KEY (id)
);
CREATE TABLE stock_moves (
	id INTEGER NOT NULL, 
	facility VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	cart VARCHAR NOT NULL, 
	drawer INTEGER NOT NULL, 
	product VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	units VARCHAR NOT NULL, 
	record_id VARCHAR, 
	"by" VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	written_at DATETIME NOT NULL, 
	note TEXT NOT NULL, 
	CONSTRAINT pk_stock_moves PRIMARY KEY (id)
);
CREATE TABLE table_versions (
	facility VARCHAR(64) NOT NULL, 
	ward VARCHAR(64) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	version BIGINT NOT NULL, 
	changed_at DATETIME NOT NULL, 
	CONSTRAINT pk_table_versions PRIMARY KEY (facility, ward, kind)
);
INSERT INTO "table_versions" VALUES('h1','NOI-TH','patient-chart',10,'2026-03-02 01:07:00.000000');
INSERT INTO "table_versions" VALUES('h1','NOI-TH','staff-roster',5,'2026-03-02 01:05:00.000000');
INSERT INTO "table_versions" VALUES('h1','NOI-TH','formulary',2,'2026-03-02 01:05:00.000000');
INSERT INTO "table_versions" VALUES('h1','NOI-TH','policy',1,'2026-03-02 01:05:00.000000');
CREATE TABLE task_steps (
	id INTEGER NOT NULL, 
	facility VARCHAR NOT NULL, 
	task INTEGER NOT NULL, 
	step VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	"by" VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	text TEXT NOT NULL, 
	detail JSON NOT NULL, 
	CONSTRAINT pk_task_steps PRIMARY KEY (id), 
	CONSTRAINT fk_task_steps_task_tasks FOREIGN KEY(task) REFERENCES tasks (id)
);
CREATE TABLE tasks (
	id INTEGER NOT NULL, 
	facility VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	revision INTEGER NOT NULL, 
	repeats INTEGER NOT NULL, 
	ward VARCHAR NOT NULL, 
	patient VARCHAR, 
	order_id VARCHAR, 
	due DATETIME, 
	product VARCHAR, 
	record_id VARCHAR, 
	detail JSON NOT NULL, 
	raised_at DATETIME NOT NULL, 
	due_by DATETIME, 
	owner VARCHAR, 
	answer_code VARCHAR, 
	answer TEXT, 
	answered_by VARCHAR, 
	answered_at DATETIME, 
	CONSTRAINT pk_tasks PRIMARY KEY (id)
);
CREATE TABLE wards (
	facility VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	timezone VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_wards PRIMARY KEY (facility, id)
);
INSERT INTO "wards" VALUES('h1','NOI-TH','Nội tổng hợp','Asia/Ho_Chi_Minh');
CREATE TABLE weights (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	value VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	"by" VARCHAR(64), 
	CONSTRAINT pk_weights PRIMARY KEY (id), 
	CONSTRAINT fk_weights_facility_patient_patients FOREIGN KEY(facility, patient) REFERENCES patients (facility, id)
);
CREATE INDEX ix_administrations_amends ON administrations (facility, amends);
CREATE INDEX ix_administrations_overridden ON administrations (facility, overridden, effective_at);
CREATE INDEX ix_administrations_patient ON administrations (facility, patient, effective_at);
CREATE INDEX ix_administrations_ward ON administrations (facility, ward, effective_at);
CREATE INDEX ix_attempts_ward ON attempts (facility, ward, at);
CREATE INDEX ix_audit_at ON audit (facility, at);
CREATE INDEX ix_audit_subject ON audit (facility, subject, at);
CREATE INDEX ix_cart_events_received ON cart_events (facility, received_at);
CREATE UNIQUE INDEX ix_discrepancies_record ON discrepancies (facility, record_id, code);
CREATE INDEX ix_discrepancies_state ON discrepancies (facility, state, raised_at);
CREATE INDEX ix_outbox_chain ON outbox (facility, ordering_key, id);
CREATE INDEX ix_outbox_due ON outbox (facility, state, next_attempt_at);
CREATE UNIQUE INDEX ix_outbox_record ON outbox (facility, kind, record_id);
CREATE INDEX ix_outbox_told ON outbox (facility, told_at, settled_at);
CREATE UNIQUE INDEX ix_patients_mrn ON patients (facility, mrn);
CREATE INDEX ix_patients_ward ON patients (facility, ward, status);
CREATE UNIQUE INDEX ix_products_gtin ON products (facility, gtin);
CREATE INDEX ix_rejected_messages_at ON rejected_messages (facility, at);
CREATE UNIQUE INDEX ix_staff_badge ON staff (facility, badge);
CREATE INDEX ix_bands_patient ON bands (facility, patient);
CREATE UNIQUE INDEX ix_observations_latest ON observations (facility, patient, code, at);
CREATE INDEX ix_orders_patient ON orders (facility, patient, status);
CREATE INDEX ix_orders_verification ON orders (facility, verification, placed_at);
CREATE UNIQUE INDEX ix_weights_latest ON weights (facility, patient, at);
CREATE INDEX ix_order_questions_order ON order_questions (facility, order_id);
CREATE INDEX ix_administrations_bag ON administrations (facility, bag);
CREATE INDEX ix_bags_order ON bags (facility, order_id);
CREATE INDEX ix_bags_patient ON bags (facility, patient, state);
CREATE INDEX ix_bags_state ON bags (facility, state, changed_at);
CREATE INDEX ix_container_uses_record ON container_uses (facility, record_id);
CREATE INDEX ix_opened_containers_opened ON opened_containers (facility, opened_at);
CREATE INDEX ix_opened_containers_record ON opened_containers (facility, record_id);
CREATE INDEX ix_observation_records_patient ON observation_records (facility, patient, at);
CREATE INDEX ix_pump_readings_patient ON pump_readings (facility, patient);
CREATE UNIQUE INDEX ix_tasks_key ON tasks (facility, kind, "key");
CREATE INDEX ix_tasks_open ON tasks (facility, status, kind, raised_at);
CREATE INDEX ix_tasks_patient ON tasks (facility, patient, status);
CREATE INDEX ix_tasks_record ON tasks (facility, record_id);
CREATE INDEX ix_task_steps_task ON task_steps (facility, task, id);
CREATE UNIQUE INDEX ix_stock_moves_key ON stock_moves (facility, "key");
CREATE INDEX ix_stock_moves_drawer ON stock_moves (facility, cart, product, at);
CREATE INDEX ix_stock_moves_kind ON stock_moves (facility, kind, at);
CREATE INDEX ix_recalls_at ON recalls (facility, at);
CREATE INDEX ix_administrations_product ON administrations (facility, product, effective_at);
CREATE UNIQUE INDEX ix_policies_ward ON policies (facility, ward, id);
CREATE UNIQUE INDEX ix_policy_files_version ON policy_files (facility, ward, version);
CREATE UNIQUE INDEX ix_policy_files_active ON policy_files (facility, ward) WHERE state = 'active';
CREATE INDEX ix_administrations_recorded ON administrations (facility, recorded_at, record_id);
CREATE INDEX ix_attempts_at ON attempts (facility, at, record_id);
CREATE INDEX ix_machine_claims_machine ON machine_claims (facility, machine);
CREATE INDEX ix_machine_certificates_machine ON machine_certificates (facility, machine);
CREATE INDEX ix_lease_doubts_cart ON lease_doubts (facility, cart);
CREATE INDEX ix_sign_in_sessions_staff ON sign_in_sessions (staff, started_at);
CREATE INDEX ix_recovery_codes_staff ON recovery_codes (staff);
CREATE INDEX ix_failed_sign_ins_last_at ON failed_sign_ins (last_at);
CREATE INDEX ix_staff_wards_staff ON staff_wards (facility, staff);
CREATE INDEX ix_staff_wards_ward ON staff_wards (facility, ward, valid_to);
CREATE INDEX ix_emergency_access_staff ON emergency_access (facility, staff, until);
CREATE INDEX ix_emergency_access_open ON emergency_access (facility, judged, review_by);
CREATE INDEX ix_administrations_sequence ON administrations (facility, cart, cart_epoch, cart_seq);
CREATE INDEX ix_attempts_sequence ON attempts (facility, cart, cart_epoch, cart_seq);
CREATE INDEX ix_observation_records_sequence ON observation_records (facility, cart, cart_epoch, cart_seq);
CREATE INDEX ix_administrations_serial ON administrations (facility, serial);
COMMIT;
