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
	document JSON NOT NULL, 
	CONSTRAINT pk_administrations PRIMARY KEY (facility, record_id)
);
INSERT INTO "administrations" VALUES('h1','00000000-0000-4000-8000-000000000001','NOI-TH','c1','e1',1,'P1','24-000001','O1',1,'2026-03-02 01:00:00.000000','give','completed',NULL,'AMOX500','Amoxicillin 500 mg','500 mg','A1',NULL,'PO','N1',NULL,'2026-03-02 01:05:00.000000','2026-03-02 01:05:00.000000','2026-03-02 01:06:00.000000',NULL,'PASS',0,'PASS','O1','{"level": "PASS", "order": "O1", "order_version": 1, "due": "2026-03-02T01:00:00+00:00", "products": ["AMOX500"], "engine": "1.1.0", "policy": "default-7", "findings": []}','{"record_id": "00000000-0000-4000-8000-000000000001", "facility": "h1", "ward": "NOI-TH", "cart": "c1", "patient": "P1", "mrn": "24-000001", "order": "O1", "order_version": 1, "action": "give", "status": "completed", "status_reason": null, "reason_text": null, "product": "AMOX500", "product_name": "Amoxicillin 500 mg", "gtin": "08936000000011", "lot": "A1", "serial": null, "route": "PO", "site": null, "prn_reason": null, "nurse": "N1", "witness": null, "level": "PASS", "engine": "1.0.0", "policy": "default-7", "chart_version": 3, "online": true, "clock_offset_s": 0.0, "lease_fence": 1, "amends": null, "due": "2026-03-02T01:00:00+00:00", "effective_at": "2026-03-02T01:05:00+00:00", "recorded_at": "2026-03-02T01:05:00+00:00", "dose": "500 mg", "waste": null, "expiry": "2027-01-31", "findings": [], "scans": [{"identifier": "]d2", "text": "8018893600000000000019\u001d80191", "at": "2026-03-02T01:04:40+00:00", "keyed": false}, {"identifier": "]d2", "text": "010893600000001110A1\u001d17270131", "at": "2026-03-02T01:04:50+00:00", "keyed": false}]}');
INSERT INTO "administrations" VALUES('h1','00000000-0000-4000-8000-000000000002','NOI-TH','c1','e1',2,'P2','24-000002','O2',1,'2026-03-02 01:00:00.000000','give','completed',NULL,'AMOX500','Amoxicillin 500 mg','500 mg','A1',NULL,'PO','N1',NULL,'2026-03-02 01:05:00.000000','2026-03-02 01:05:00.000000','2026-03-02 01:07:00.000000',NULL,'PASS',0,'PASS','O2','{"level": "PASS", "order": "O2", "order_version": 1, "due": "2026-03-02T01:00:00+00:00", "products": ["AMOX500"], "engine": "1.1.0", "policy": "default-7", "findings": []}','{"record_id": "00000000-0000-4000-8000-000000000002", "facility": "h1", "ward": "NOI-TH", "cart": "c1", "patient": "P2", "mrn": "24-000002", "order": "O2", "order_version": 1, "action": "give", "status": "completed", "status_reason": null, "reason_text": null, "product": "AMOX500", "product_name": "Amoxicillin 500 mg", "gtin": "08936000000011", "lot": "A1", "serial": null, "route": "PO", "site": null, "prn_reason": null, "nurse": "N1", "witness": null, "level": "PASS", "engine": "1.0.0", "policy": "default-7", "chart_version": 3, "online": true, "clock_offset_s": 0.0, "lease_fence": 1, "amends": null, "due": "2026-03-02T01:00:00+00:00", "effective_at": "2026-03-02T01:05:00+00:00", "recorded_at": "2026-03-02T01:05:00+00:00", "dose": "500 mg", "waste": null, "expiry": "2027-01-31", "findings": [], "scans": [{"identifier": "]d2", "text": "8018893600000000000026\u001d80191", "at": "2026-03-02T01:04:40+00:00", "keyed": false}, {"identifier": "]d2", "text": "010893600000001110A1\u001d17270131", "at": "2026-03-02T01:04:50+00:00", "keyed": false}]}');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
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
	document JSON NOT NULL, 
	CONSTRAINT pk_attempts PRIMARY KEY (facility, record_id)
);
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	actor VARCHAR NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	subject VARCHAR NOT NULL, 
	detail JSON NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,'h1','2026-03-02 01:05:00.000000','import','ward.open','ward/NOI-TH','{"timezone": "Asia/Ho_Chi_Minh"}');
INSERT INTO "audit" VALUES(2,'h1','2026-03-02 01:05:00.000000','import','product.receive','product/AMOX500','{"gtin": "08936000000011", "recalled_lots": []}');
INSERT INTO "audit" VALUES(3,'h1','2026-03-02 01:05:00.000000','import','staff.receive','staff/D1','{"roles": ["prescriber"], "active": true}');
INSERT INTO "audit" VALUES(4,'h1','2026-03-02 01:05:00.000000','import','staff.receive','staff/PH1','{"roles": ["pharmacist"], "active": true}');
INSERT INTO "audit" VALUES(5,'h1','2026-03-02 01:05:00.000000','import','staff.receive','staff/CN1','{"roles": ["charge-nurse"], "active": true}');
INSERT INTO "audit" VALUES(6,'h1','2026-03-02 01:05:00.000000','import','staff.receive','staff/N1','{"roles": ["nurse"], "active": true}');
INSERT INTO "audit" VALUES(7,'h1','2026-03-02 01:05:00.000000','import','patient.receive','patient/P1','{"ward": "NOI-TH", "status": "admitted"}');
INSERT INTO "audit" VALUES(8,'h1','2026-03-02 01:05:00.000000','import','patient.receive','patient/P2','{"ward": "NOI-TH", "status": "admitted"}');
INSERT INTO "audit" VALUES(9,'h1','2026-03-02 01:05:00.000000','D1','order.place','order/O1','{"patient": "P1", "source": "local", "version": 1}');
INSERT INTO "audit" VALUES(10,'h1','2026-03-02 01:05:00.000000','D1','order.place','order/O2','{"patient": "P2", "source": "local", "version": 1}');
INSERT INTO "audit" VALUES(11,'h1','2026-03-02 01:05:00.000000','PH1','order.verified','order/O1','{"version": 1, "before": "pending"}');
INSERT INTO "audit" VALUES(12,'h1','2026-03-02 01:05:00.000000','PH1','order.verified','order/O2','{"version": 1, "before": "pending"}');
INSERT INTO "audit" VALUES(13,'h1','2026-03-02 01:06:00.000000','gateway','administration.record','administration/00000000-0000-4000-8000-000000000001','{"cart": "c1", "nurse": "N1", "witness": null, "patient": "P1", "order": "O1", "status": "completed", "level": "PASS", "discrepancies": []}');
INSERT INTO "audit" VALUES(14,'h1','2026-03-02 01:07:00.000000','gateway','administration.record','administration/00000000-0000-4000-8000-000000000002','{"cart": "c1", "nurse": "N1", "witness": null, "patient": "P2", "order": "O2", "status": "completed", "level": "PASS", "discrepancies": []}');
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
CREATE TABLE leases (
	facility VARCHAR(64) NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	cart VARCHAR(64), 
	until DATETIME, 
	fence BIGINT NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (facility, patient)
);
INSERT INTO "leases" VALUES('h1','P1','c1','2026-03-02 01:13:00.000000',1);
CREATE TABLE observations (
	id INTEGER NOT NULL, 
	facility VARCHAR(64) NOT NULL, 
	patient VARCHAR(64) NOT NULL, 
	code VARCHAR(32) NOT NULL, 
	value VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	"by" VARCHAR(64), 
	CONSTRAINT pk_observations PRIMARY KEY (id), 
	CONSTRAINT fk_observations_facility_patient_patients FOREIGN KEY(facility, patient) REFERENCES patients (facility, id)
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
INSERT INTO "order_versions" VALUES('h1','O1',1,'{"additives":[],"category":"scheduled","display":"Amoxicillin 500 mg PO 08:00 20:00","dose":"500 mg","form":"capsule","id":"O1","ingredient":"amoxicillin","needs_double_check":false,"patient":"P1","route":"PO","start":"2026-02-28T01:05:00.000000Z","status":"active","substitution":true,"time_critical":false,"times":["08:00","20:00"],"verified":false,"version":1}','placed',NULL,'D1','2026-03-02 01:05:00.000000');
INSERT INTO "order_versions" VALUES('h1','O2',1,'{"additives":[],"category":"scheduled","display":"Amoxicillin 500 mg PO 08:00 20:00","dose":"500 mg","form":"capsule","id":"O2","ingredient":"amoxicillin","needs_double_check":false,"patient":"P2","route":"PO","start":"2026-02-28T01:05:00.000000Z","status":"active","substitution":true,"time_critical":false,"times":["08:00","20:00"],"verified":false,"version":1}','placed',NULL,'D1','2026-03-02 01:05:00.000000');
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
INSERT INTO "outbox" VALUES(1,'h1','administration','00000000-0000-4000-8000-000000000001','c1','00000000-0000-4000-8000-000000000001','{"record_id": "00000000-0000-4000-8000-000000000001", "facility": "h1", "ward": "NOI-TH", "cart": "c1", "patient": "P1", "mrn": "24-000001", "order": "O1", "order_version": 1, "action": "give", "status": "completed", "status_reason": null, "reason_text": null, "product": "AMOX500", "product_name": "Amoxicillin 500 mg", "gtin": "08936000000011", "lot": "A1", "serial": null, "route": "PO", "site": null, "prn_reason": null, "nurse": "N1", "witness": null, "level": "PASS", "engine": "1.0.0", "policy": "default-7", "chart_version": 3, "online": true, "clock_offset_s": 0.0, "lease_fence": 1, "amends": null, "due": "2026-03-02T01:00:00+00:00", "effective_at": "2026-03-02T01:05:00+00:00", "recorded_at": "2026-03-02T01:05:00+00:00", "dose": "500 mg", "waste": null, "expiry": "2027-01-31", "findings": [], "scans": [{"identifier": "]d2", "text": "8018893600000000000019\u001d80191", "at": "2026-03-02T01:04:40+00:00", "keyed": false}, {"identifier": "]d2", "text": "010893600000001110A1\u001d17270131", "at": "2026-03-02T01:04:50+00:00", "keyed": false}]}',NULL,'pending',0,'2026-03-02 01:06:00.000000','2026-03-02 01:06:00.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "outbox" VALUES(2,'h1','administration','00000000-0000-4000-8000-000000000002','c1','00000000-0000-4000-8000-000000000002','{"record_id": "00000000-0000-4000-8000-000000000002", "facility": "h1", "ward": "NOI-TH", "cart": "c1", "patient": "P2", "mrn": "24-000002", "order": "O2", "order_version": 1, "action": "give", "status": "completed", "status_reason": null, "reason_text": null, "product": "AMOX500", "product_name": "Amoxicillin 500 mg", "gtin": "08936000000011", "lot": "A1", "serial": null, "route": "PO", "site": null, "prn_reason": null, "nurse": "N1", "witness": null, "level": "PASS", "engine": "1.0.0", "policy": "default-7", "chart_version": 3, "online": true, "clock_offset_s": 0.0, "lease_fence": 1, "amends": null, "due": "2026-03-02T01:00:00+00:00", "effective_at": "2026-03-02T01:05:00+00:00", "recorded_at": "2026-03-02T01:05:00+00:00", "dose": "500 mg", "waste": null, "expiry": "2027-01-31", "findings": [], "scans": [{"identifier": "]d2", "text": "8018893600000000000026\u001d80191", "at": "2026-03-02T01:04:40+00:00", "keyed": false}, {"identifier": "]d2", "text": "010893600000001110A1\u001d17270131", "at": "2026-03-02T01:04:50+00:00", "keyed": false}]}',NULL,'pending',0,'2026-03-02 01:07:00.000000','2026-03-02 01:07:00.000000',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
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
	at DATETIME NOT NULL, 
	CONSTRAINT pk_policies PRIMARY KEY (id)
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
INSERT INTO "products" VALUES('h1','AMOX500','08936000000011','Amoxicillin 500 mg','capsule','{"controlled":"none","divisible":false,"form":"capsule","gtin":"08936000000011","high_alert":0,"hold":[],"id":"AMOX500","ingredients":[{"amount":"500 mg","classes":["penicillin"],"name":"amoxicillin"}],"lasa":[],"max_daily":[],"minibag":false,"multi_dose":false,"name":"Amoxicillin 500 mg","recalled_lots":[],"release":"immediate","routes":["PO"],"vinca":false}','2026-03-02 01:05:00.000000');
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
	last_login_at DATETIME, 
	CONSTRAINT pk_staff PRIMARY KEY (id), 
	CONSTRAINT uq_staff_email UNIQUE (email), 
	CONSTRAINT uq_staff_fs_uniquifier UNIQUE (fs_uniquifier), 
	CONSTRAINT uq_staff_username UNIQUE (username)
);
INSERT INTO "staff" VALUES('D1','h1','d1@hospital.example','d1','Doctor',NULL,1,'382620ac73694ae988329f7872e47472','BADGE:D1','$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA',1,NULL,NULL,NULL,0,NULL,NULL);
INSERT INTO "staff" VALUES('PH1','h1','ph1@hospital.example','ph1','Pharmacist',NULL,1,'58cf016735cc433e8100fe96d16b5e9e','BADGE:PH1','$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA',1,NULL,NULL,NULL,0,NULL,NULL);
INSERT INTO "staff" VALUES('CN1','h1','cn1@hospital.example','cn1','Charge nurse',NULL,1,'bd592b8ad0ef4d10af6eba11de0f83c7','BADGE:CN1','$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA',1,NULL,NULL,NULL,0,NULL,NULL);
INSERT INTO "staff" VALUES('N1','h1','n1@hospital.example','n1','Nurse',NULL,1,'b4e796b40701446c8fbe52e1782cee15','BADGE:N1','$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA',1,NULL,NULL,NULL,0,NULL,NULL);
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
CREATE UNIQUE INDEX ix_policies_version ON policies (facility, version);
CREATE UNIQUE INDEX ix_products_gtin ON products (facility, gtin);
CREATE INDEX ix_rejected_messages_at ON rejected_messages (facility, at);
CREATE UNIQUE INDEX ix_staff_badge ON staff (facility, badge);
CREATE INDEX ix_bands_patient ON bands (facility, patient);
CREATE UNIQUE INDEX ix_observations_latest ON observations (facility, patient, code, at);
CREATE INDEX ix_orders_patient ON orders (facility, patient, status);
CREATE INDEX ix_orders_verification ON orders (facility, verification, placed_at);
CREATE UNIQUE INDEX ix_weights_latest ON weights (facility, patient, at);
CREATE INDEX ix_order_questions_order ON order_questions (facility, order_id);
COMMIT;
