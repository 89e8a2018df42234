from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('iii_triggers', '0004_history'),
    ]

    operations = [
        migrations.AddField(
            model_name='node',
            name='runs_dropped',
            field=models.PositiveBigIntegerField(default=0, help_text='Because more ended than the history could write; they are counted only.', verbose_name='runs not kept'),
        ),
    ]
