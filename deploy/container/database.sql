-- After ../postgresql/setup.sh, on the first day: the server signs in with its password, and nobody over the network as the owner of all.
\set password `cat /run/secrets/database-password`
ALTER ROLE pointofcare PASSWORD :'password';
ALTER ROLE postgres PASSWORD NULL;
