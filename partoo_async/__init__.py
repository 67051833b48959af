from partoo_async.errors import *
