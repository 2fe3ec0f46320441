"""Points in a plane in place of images: everything that training does can be looked at.

A point (x, y) is an image of two channels and one pixel, so objectives, networks and training steps are the project's
own. `train_on_points` is the way in.
"""
