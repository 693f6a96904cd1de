"""Courses with one LTI unit each, who learns in them, the gradebook, and what was asked of the services."""
from django.db import models


class Course(models.Model):
    """A course, whose only unit launches the tool."""

    configuration = models.OneToOneField("lti_consumer.LtiConfiguration", on_delete=models.CASCADE)
    # Of the platform's key, by which a token is known to belong to this course.
    key_id = models.CharField(max_length=255, db_index=True)
    # How many of its next tokens are expired when they are given.
    expired_tokens = models.IntegerField(default=0)
    past_due = models.BooleanField(default=False)


class Learner(models.Model):
    """Somebody who is enrolled, by the id that tools know."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE)
    external_id = models.UUIDField(unique=True)


class Grade(models.Model):
    """What the gradebook of the course shows of a learner: the share of the unit's weight."""

    learner = models.OneToOneField(Learner, on_delete=models.CASCADE)
    share = models.FloatField()
    comment = models.TextField(null=True)
    posts = models.IntegerField(default=0)


class Exchange(models.Model):
    """A request to the services, and how it was answered."""

    method = models.CharField(max_length=10)
    path = models.CharField(max_length=255, db_index=True)
    status = models.IntegerField()
