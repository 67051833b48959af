"""What users call, a class for each kind of object: a method sends an operation, or walks over pages of them."""

from partoo_async.resources.attributes import Resources
from partoo_async.resources.businesses import Businesses
from partoo_async.resources.sections import Groups, Sections

__all__ = ["Businesses", "Groups", "Resources", "Sections"]
